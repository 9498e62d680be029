import { realpathSync } from 'node:fs'

import type { IsolationConfig } from '../config.ts'
import { Pty } from '../terminal/pty.ts'
import { TRIAL } from './bubblewrap.ts'

/** Longest text of a problem that is passed on, in characters. */
const MAX_TEXT = 500

/**
 * Makes a sandbox as for a session and starts a command in it that does nothing. Resolves to what keeps sessions from
 * being isolated here, or to undefined.
 */
export async function findProblem(config: IsolationConfig): Promise<string | undefined> {
  if (config.isolation === 'none') return undefined
  const { workFolder, temporaryFolder, shownPaths, hiddenPaths } = config
  const said: Buffer[] = []
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  try {
    const sandbox = { workFolder: realpathSync(workFolder), temporaryFolder, shownPaths, hiddenPaths }
    const size = { columns: 80, rows: 24 }
    const events = {
      data: (chunk: Uint8Array) => said.push(Buffer.from(chunk)) > 0,
      exit: ({ code }: { readonly code: number | null }) => resolve(code),
    }
    void new Pty({ ...TRIAL, ...size, sandbox, marker: 'CLISCALE_TRIAL=1' }, events)
  } catch (error) {
    reject(error)
  }
  return promise.then(
    (code) => (code === 0 ? undefined : problemOf(Buffer.concat(said).toString(), code)),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
}

function problemOf(said: string, code: number | null): string {
  const line = said.trim().split(/\r?\n/).at(-1)?.trim() ?? ''
  const why = line === '' ? `the trial ended with code ${code}` : line
  return `bubblewrap cannot make a sandbox here: ${why}`.slice(0, MAX_TEXT)
}
