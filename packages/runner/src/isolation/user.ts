import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'

/**
 * Gives up root for good: from here on the process is this user in this group, in no other, and cannot come back. Its
 * memory and `/proc` entries stay closed to other processes of the same user, because the kernel does not make a process
 * readable again that has changed its user (prctl(2), `PR_SET_DUMPABLE`).
 *
 * Compiled code is kept while its folder can still be written, which no session may.
 *
 * @throws {Error} when the process is still more than that user
 */
export function becomeUser(id: number): void {
  flushCompileCache()
  process.setgroups?.([])
  process.setgid?.(id)
  process.setuid?.(id)
  const groups = process.getgroups?.().filter((group) => group !== id)
  const isOnlyThat = [process.getuid, process.geteuid, process.getgid, process.getegid].every(
    (ask) => ask?.() === id,
  )
  if (!isOnlyThat || groups?.length !== 0 || canReturn()) throw new Error(`the user ${id} could not be taken`)
}

function canReturn(): boolean {
  try {
    process.setuid?.(0)
    return true
  } catch {
    return false
  }
}

/** Whether this process is the kernel's root, and not only the root of a user namespace. */
export function isRoot(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    const [, outside] = readFileSync('/proc/self/uid_map', 'latin1').trim().split(/\s+/)
    return outside === '0'
  } catch {
    return true
  }
}

/** A folder that stays usable when the way to it no longer is. */
export interface KeptFolder {
  /** Path below which its files can be reached by this process. */
  readonly path: string
  readonly close: () => void
}

/** Keeps a folder reachable over {@link becomeUser}. It must belong to that user. */
export function keepFolder(path: string): KeptFolder {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  return { path: `/proc/self/fd/${descriptor}`, close: () => closeSync(descriptor) }
}
