import { accessSync, constants } from 'node:fs'

const SEARCH = ['/usr/local/bin', '/usr/bin', '/bin', '/run/current-system/sw/bin']

const found = new Map<string, string>()

/** Path of a system program; never by the PATH of a session. */
export function findTool(name: string): string | undefined {
  const path = found.get(name) ?? SEARCH.map((folder) => `${folder}/${name}`).find(isExecutable)
  if (path !== undefined) found.set(name, path)
  return path
}

/** Path of a system program that isolation needs. @throws {Error} when it is not there */
export function requireTool(name: string): string {
  const path = findTool(name)
  if (path === undefined) throw new Error(`${name} is not installed`)
  return path
}

/** Whether this process may execute a file. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
