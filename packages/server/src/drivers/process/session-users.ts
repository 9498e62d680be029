import { randomBytes, randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { UidRange } from '../../config/uid-range.ts'
import { CodedError } from '../../http/coded-error.ts'

/** Where all installations of a machine note which uids they use. */
const REGISTRY = '/var/lib/cliscale/session-users'

/**
 * Ranges that belong to nobody (systemd's "Users, Groups, UIDs and GIDs on systemd Systems"): one with room for many
 * sessions, and a small one for containers to which only the lower uids are mapped.
 */
const FREE_RANGES: readonly UidRange[] = [
  { first: 1_900_000_000, last: 1_900_065_535 },
  { first: 60_578, last: 61_183 },
]

const TRIES = 1_000

/**
 * The range to take uids from: the operator's, or a free one that is mapped here.
 *
 * @throws {CodedError} `START_FAILED` when it is not mapped
 */
export async function chooseRange(wanted: UidRange | null): Promise<UidRange> {
  const mapped = await mappedRanges()
  const isMapped = ({ first, last }: UidRange): boolean =>
    mapped.some((range) => range.first <= first && last <= range.last)
  const range = wanted === null ? FREE_RANGES.find(isMapped) : isMapped(wanted) ? wanted : undefined
  if (range !== undefined) return range
  throw new CodedError(
    'START_FAILED',
    wanted === null
      ? 'This container has no uids for sessions, which never run as root; name a range that it has with --session-uids, or start the server as another user.'
      : `The uids ${wanted.first}-${wanted.last} are not mapped in this container; choose others with --session-uids.`,
  )
}

/** What this process may become (user_namespaces(7)). */
async function mappedRanges(): Promise<UidRange[]> {
  const text = await readFile('/proc/self/uid_map', 'latin1').catch(() => '0 0 4294967295')
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([first = 0, , count = 0]) => ({ first, last: first + count - 1 }))
}

/** Users of sessions: each belongs to one runner at a time, over all installations of the machine. */
export class SessionUsers {
  readonly range: UidRange
  readonly #registry: string
  readonly #named: ReadonlySet<number>

  private constructor(range: UidRange, registry: string, named: ReadonlySet<number>) {
    this.range = range
    this.#registry = registry
    this.#named = named
  }

  /**
   * Opens the machine's registry and removes from it what belongs to nobody any more.
   *
   * @param fallback folder for a registry of this installation alone, where the machine's cannot be written
   */
  static async open(range: UidRange, fallback: string): Promise<SessionUsers> {
    const registry = await firstWritable([REGISTRY, fallback])
    const users = new SessionUsers(range, registry, await namedUsers())
    for (const name of await readdir(registry)) await users.#dropIfLeft(name)
    return users
  }

  /** Takes a user for the runner with this private folder. @throws {CodedError} `START_FAILED` when all are taken */
  async take(folder: string): Promise<number> {
    const { first, last } = this.range
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const uid = randomInt(first, last + 1)
      if (!this.#named.has(uid) && (await this.#note(String(uid), folder))) return uid
    }
    throw new CodedError(
      'START_FAILED',
      `All of the ${last - first + 1} users of --session-uids are taken; give a wider range.`,
    )
  }

  /** Gives a user back whose processes are gone. Nothing happens when it is another folder's by now. */
  async giveBack(uid: number, folder: string): Promise<void> {
    const note = join(this.#registry, String(uid))
    if ((await readFile(note, 'utf8').catch(() => null)) === folder) await rm(note, { force: true })
  }

  async #note(name: string, folder: string): Promise<boolean> {
    try {
      await writeFile(join(this.#registry, name), folder, { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      return (await this.#dropIfLeft(name)) && this.#note(name, folder)
    }
  }

  /** A note is left when the folder that it names is gone. Of two that find it only one moves it away. */
  async #dropIfLeft(name: string): Promise<boolean> {
    const note = join(this.#registry, name)
    const isLeft = async (path: string): Promise<boolean> => {
      const folder = await readFile(path, 'utf8').catch(() => null)
      return folder !== null && folder !== '' && !existsSync(folder)
    }
    if (!/^\d+$/.test(name) || !(await isLeft(note))) return false
    const aside = `${note}.${randomBytes(6).toString('hex')}`
    try {
      await rename(note, aside)
      // Another one may have dropped and noted it again in between.
      const dropped = await isLeft(aside)
      if (!dropped) await link(aside, note)
      return dropped
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'EEXIST') return false
      throw error
    } finally {
      await rm(aside, { force: true })
    }
  }
}

async function firstWritable(folders: readonly string[]): Promise<string> {
  const problems: unknown[] = []
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await chmod(folder, 0o700)
      return folder
    } catch (error) {
      problems.push(error)
    }
  }
  throw new AggregateError(problems, `none of ${folders.join(', ')} can be written`)
}

/** Uids that have a name on this machine. */
async function namedUsers(): Promise<ReadonlySet<number>> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return new Set(passwd.split('\n').map((line) => Number(line.split(':')[2] ?? -1)))
}
