import { readdir, readFile, readlink, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Whose a uid is, over all installations of a machine: a folder with a link for each uid that is taken, named like it, to
 * the folder of its owner. A link is made whole or not at all, so that of two who want a uid one gets it.
 */
export class UidRegistry {
  readonly #folder: string
  readonly #isGone: (owner: string) => boolean
  readonly #named: ReadonlySet<number>

  private constructor(folder: string, isGone: (owner: string) => boolean, named: ReadonlySet<number>) {
    this.#folder = folder
    this.#isGone = isGone
    this.#named = named
  }

  /**
   * Opens it and removes from it what belongs to nobody any more.
   *
   * @param folder must be there
   * @param isGone whether an owner's folder is no more, for good
   */
  static async open(folder: string, isGone: (owner: string) => boolean): Promise<UidRegistry> {
    const registry = new UidRegistry(folder, isGone, await namedUids())
    for (const name of await readdir(folder)) await registry.#dropIfGone(name)
    return registry
  }

  /** Takes the first of `uids` that is nobody's and has no name on this machine; null when there is none. */
  async takeFirst(uids: Iterable<number>, owner: string): Promise<number | null> {
    for (const uid of uids) if (!this.#named.has(uid) && (await this.take(uid, owner))) return uid
    return null
  }

  /** True when the uid is the owner's, now or since before. */
  async take(uid: number, owner: string): Promise<boolean> {
    const name = String(uid)
    try {
      await symlink(owner, join(this.#folder, name))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if ((await ownerIn(join(this.#folder, name))) === owner) return true
      return (await this.#dropIfGone(name)) && this.take(uid, owner)
    }
  }

  /** Gives a uid back that nothing runs as any more. Nothing happens when it is another owner's by now. */
  async giveBack(uid: number, owner: string): Promise<void> {
    const path = join(this.#folder, String(uid))
    if ((await ownerIn(path)) === owner) await rm(path, { force: true })
  }

  /** Removes a link whose owner is gone. One at a time does so for a uid: another would remove what was taken since. */
  async #dropIfGone(name: string): Promise<boolean> {
    const path = join(this.#folder, name)
    if (!/^\d+$/.test(name) || !this.#isLeft(await ownerIn(path))) return false
    const lock = `${path}.lock`
    if (!(await makeLock(lock))) return false
    try {
      if (!this.#isLeft(await ownerIn(path))) return false
      await rm(path, { force: true })
      return true
    } finally {
      await rm(lock, { force: true })
    }
  }

  #isLeft(owner: string | null): boolean {
    return owner !== null && owner !== '' && this.#isGone(owner)
  }
}

/** Null when nobody has the uid. Earlier releases noted the owners of sessions' uids in files. */
async function ownerIn(path: string): Promise<string | null> {
  try {
    return await readlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') return null
    return readFile(path, 'utf8').catch(() => null)
  }
}

/** A lock is a link to the process that holds it; that of a process which was killed goes, for the next try. */
async function makeLock(path: string): Promise<boolean> {
  try {
    await symlink(String(process.pid), path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const holder = Number(await readlink(path).catch(() => process.pid))
    if (!isAlive(holder)) await rm(path, { force: true })
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Uids that are an account's of this machine. */
async function namedUids(): Promise<ReadonlySet<number>> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return new Set(passwd.split('\n').map((line) => Number(line.split(':')[2] ?? -1)))
}
