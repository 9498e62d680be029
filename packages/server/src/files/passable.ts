import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** A user without further groups. */
export interface PlainUser {
  readonly uid: number
  readonly gid: number
}

/** The first folder on the way to `path`, itself included, that the user may not pass; null when there is none. Access lists are not looked at. */
export async function closedFolder(path: string, user: PlainUser): Promise<string | null> {
  const folders: string[] = []
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    folders.unshift(folder)
    if (folder === dirname(folder)) break
  }
  for (const folder of folders) {
    if (!mayPass(await stat(folder), user)) return folder
  }
  return null
}

function mayPass(stats: { uid: number; gid: number; mode: number }, user: PlainUser): boolean {
  if (stats.uid === user.uid) return (stats.mode & 0o100) !== 0
  if (stats.gid === user.gid) return (stats.mode & 0o010) !== 0
  return (stats.mode & 0o001) !== 0
}
