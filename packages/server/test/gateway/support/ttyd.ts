import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { RUNNER_PATHS } from '@cliscale/sdk/protocol'
import { waitFor } from '../../support/wait-for.ts'

/** A running stock ttyd. */
export interface Ttyd {
  readonly address: string
  readonly child: ChildProcess
}

/**
 * Starts stock ttyd (tsl0922/ttyd 1.7) on a Unix socket in `folder`, with `sh -c script` behind it. Its base path makes it
 * answer where a gateway dials: ttyd compares only as much of the path as the request has.
 */
export async function startTtyd(t: TestContext, folder: string, script: string): Promise<Ttyd> {
  const program = process.env.TTYD_PATH
  if (program === undefined) throw new Error('TTYD_PATH is not set; npm test sets it')
  const socket = join(folder, 'ttyd.sock')
  const flags = ['-i', socket, '-b', RUNNER_PATHS.terminal, '-W', '-P', '30', '-d', '0']
  const child = spawn(program, [...flags, 'sh', '-c', script], { stdio: 'ignore' })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  await waitFor(() => existsSync(socket), { what: 'ttyd to listen' })
  return { address: `unix:${socket}`, child }
}
