import { userInfo } from 'node:os'
import { isAbsolute, relative, resolve } from 'node:path'

import { shownBySystem } from './system-paths.ts'

/** What a session's command sees of this machine's files. Paths are absolute and without `..`. */
export interface View {
  /** The work folder, as the command sees it. */
  readonly home: string
  /** Name of its account there. */
  readonly user: string
  /** Where the command sees a file of the work folder. */
  inside(hostPath: string): string
  /** Where on this machine the command's path lies; undefined when it sees nothing there. */
  onHost(path: string): string | undefined
  /** Whether the command sees this machine's file, at whatever path. */
  shows(hostPath: string): boolean
}

/** Where an isolated command sees its work folder. */
export const SANDBOX_HOME = '/home/user'

/** Name of a session's account, where the machine has none for it. */
export const SESSION_USER = 'user'

/** Without isolation every path is what it is, and the account is the runner's, which as a session's own has no name. */
export function openView(workFolder: string): View {
  return {
    home: workFolder,
    user: accountName() ?? SESSION_USER,
    inside: (path) => path,
    onHost: (path) => path,
    shows: () => true,
  }
}

const names = new Map<number, string | undefined>()

/** Looked up once: the system asks its services for it. A runner changes its user while it is blank. */
function accountName(): string | undefined {
  const uid = process.getuid?.() ?? 0
  if (!names.has(uid)) names.set(uid, lookUpName())
  return names.get(uid)
}

function lookUpName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

/**
 * In a sandbox the work folder is a home of its own, and of the machine there is what is shown.
 *
 * @param workFolder its real path
 * @param shownPaths what the operator shows beside the system's own folders
 */
export function sandboxView(workFolder: string, shownPaths: readonly string[]): View {
  const isShown = (path: string): boolean =>
    shownBySystem(path) || shownPaths.some((shown) => isWithin(path, shown))
  return {
    home: SANDBOX_HOME,
    user: SESSION_USER,
    inside: (path) => moved(path, workFolder, SANDBOX_HOME) ?? path,
    onHost: (path) => moved(path, SANDBOX_HOME, workFolder) ?? (isShown(path) ? path : undefined),
    shows: (path) => isWithin(path, workFolder) || isShown(path),
  }
}

/** True for the folder itself and what lies below it. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way))
}

function moved(path: string, from: string, to: string): string | undefined {
  return isWithin(path, from) ? resolve(to, relative(from, path)) : undefined
}
