import { accessSync, constants } from 'node:fs'

const SEARCH = ['/usr/local/bin', '/usr/bin', '/bin', '/run/current-system/sw/bin']

/** Path of a system program that isolation needs; never by the PATH of a session. @throws {Error} when it is not there */
export function requireTool(name: string): string {
  const path = SEARCH.map((folder) => `${folder}/${name}`).find(isExecutable)
  if (path === undefined) throw new Error(`${name} is not installed`)
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
