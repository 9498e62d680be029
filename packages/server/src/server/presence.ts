import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '@cliscale/sdk/protocol'

/** What a running server tells commands on the same machine. */
export interface Presence {
  readonly pid: number
  /** As this machine reaches it. */
  readonly url: string
  /** As clients reach it; null when that was not said. */
  readonly publicUrl: string | null
  readonly connectionString: string
  readonly schema: string
}

const STARTING = 'starting.'

/**
 * Notes in the data folder that this process starts a server, for commands that would find none. Notes of processes that
 * were killed are removed.
 */
export async function announceStart(dataDir: string): Promise<AsyncDisposable> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  for (const { path, pid } of await startNotes(dataDir)) if (!isAlive(pid)) await rm(path, { force: true })
  const path = join(dataDir, `${STARTING}${process.pid}`)
  await writeFile(path, '', { mode: 0o600 })
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
}

/** Process id of a server that is starting on the data; null when none is. */
export async function findStart(dataDir: string): Promise<number | null> {
  const living = (await startNotes(dataDir)).find(({ pid }) => isAlive(pid))
  return living?.pid ?? null
}

async function startNotes(
  dataDir: string,
): Promise<readonly { readonly path: string; readonly pid: number }[]> {
  const names = await readdir(dataDir).catch(() => [])
  return names.flatMap((name) => {
    const pid = name.startsWith(STARTING) ? Number(name.slice(STARTING.length)) : Number.NaN
    return Number.isInteger(pid) && pid > 0 ? [{ path: join(dataDir, name), pid }] : []
  })
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
  const { pid, url, publicUrl, connectionString, schema } = value
  if (typeof pid !== 'number' || typeof url !== 'string') return null
  if (typeof connectionString !== 'string' || typeof schema !== 'string') return null
  if (!isAlive(pid)) return null
  return { pid, url, publicUrl: typeof publicUrl === 'string' ? publicUrl : null, connectionString, schema }
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
