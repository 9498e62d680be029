import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { SESSION_UIDS, type UidRange } from '../../../config/uid-range.ts'
import { UidRegistry } from '../../../files/uid-registry.ts'
import { CodedError } from '../../../http/coded-error.ts'

/** Where all installations of a machine note which uids they use. */
const REGISTRY = '/var/lib/cliscale/session-users'

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
  const range = wanted === null ? SESSION_UIDS.find(isMapped) : isMapped(wanted) ? wanted : undefined
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
  readonly #registry: UidRegistry

  private constructor(range: UidRange, registry: UidRegistry) {
    this.range = range
    this.#registry = registry
  }

  /**
   * Opens the machine's registry.
   *
   * @param fallback folder for a registry of this installation alone, where the machine's cannot be written
   */
  static async open(range: UidRange, fallback: string): Promise<SessionUsers> {
    const folder = await firstWritable([REGISTRY, fallback])
    return new SessionUsers(range, await UidRegistry.open(folder, (owner) => !existsSync(owner)))
  }

  /** Takes a user for the runner with this private folder. @throws {CodedError} `START_FAILED` when all are taken */
  async take(folder: string): Promise<number> {
    const uid = await this.#registry.takeFirst(anyOf(this.range), folder)
    if (uid !== null) return uid
    const { first, last } = this.range
    throw new CodedError(
      'START_FAILED',
      `All of the ${last - first + 1} users of --session-uids are taken; give a wider range.`,
    )
  }

  /** Gives a user back whose processes are gone. Nothing happens when it is another folder's by now. */
  async giveBack(uid: number, folder: string): Promise<void> {
    await this.#registry.giveBack(uid, folder)
  }
}

function* anyOf({ first, last }: UidRange): Generator<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) yield randomInt(first, last + 1)
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
