import { randomBytes } from 'node:crypto'
import { readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { isObject } from '@cliscale/sdk/protocol'

/** What a running server tells commands on the same machine. */
export interface Presence {
  readonly pid: number
  readonly url: string
  readonly connectionString: string
}

/** Notes for commands that the server runs and how to reach its database. The file is for its owner alone. */
export async function announce(path: string, presence: Presence): Promise<AsyncDisposable> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, JSON.stringify(presence), { mode: 0o600, flag: 'wx' })
  await rename(draft, path)
  return { [Symbol.asyncDispose]: () => withdraw(path, presence.pid) }
}

/** The running server; null when there is none, or none that ended well. */
export async function findPresence(path: string): Promise<Presence | null> {
  const value = parse(await readFile(path, 'utf8').catch(ifMissing))
  if (!isObject(value)) return null
  const { pid, url, connectionString } = value
  if (typeof pid !== 'number' || typeof url !== 'string' || typeof connectionString !== 'string') return null
  return isAlive(pid) ? { pid, url, connectionString } : null
}

async function withdraw(path: string, pid: number): Promise<void> {
  if ((await findPresence(path))?.pid === pid) await unlink(path)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function ifMissing(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
  throw error
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
