import { tmpdir } from 'node:os'

import type { PtyExit } from '../../src/terminal/exit.ts'
import { Pty, type PtyEvents, type PtyOptions } from '../../src/terminal/pty.ts'

/** Starts a program on a PTY of this process. */
export function openPty(
  file: string,
  args: readonly string[],
  data: PtyEvents['data'],
  over: Partial<PtyOptions> = {},
): { readonly pty: Pty; readonly exited: Promise<PtyExit> } {
  const { promise, resolve } = Promise.withResolvers<PtyExit>()
  // A PTY that is not read keeps no event loop alive; a runner's server does.
  const alive = setInterval(() => {}, 60_000)
  void promise.then(() => clearInterval(alive))
  const pty = new Pty(
    {
      launch: { file, args },
      env: { PATH: '/usr/bin:/bin' },
      cwd: tmpdir(),
      columns: 80,
      rows: 24,
      marker: 'CLISCALE_SESSION_ID=test',
      ...over,
    },
    { data, exit: resolve },
  )
  return { pty, exited: promise }
}
