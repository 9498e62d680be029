import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Top of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Derived files that may be deleted at any time. */
export const cache = join(root, '.cache')

/** Published packages, each after the ones it is built from. */
export const packages = ['sdk', 'react', 'runner', 'server']

/** Absolute path of something in the repository. */
export const at = (...parts) => join(root, ...parts)

/** Parsed JSON file of the repository. */
export const readJson = (...parts) => JSON.parse(readFileSync(at(...parts), 'utf8'))

/** Names of the folders in one folder; none when it does not exist. */
export function foldersIn(...parts) {
  const folder = at(...parts)
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}

/** All files below a folder, as paths relative to the root, without installed or generated ones. */
export function filesIn(...parts) {
  const folder = at(...parts)
  if (!existsSync(folder)) return []
  const found = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['node_modules', 'dist', '.cache', 'coverage'].includes(entry.name)) continue
    const path = join(...parts, entry.name)
    if (entry.isDirectory()) found.push(...filesIn(path))
    else if (entry.isFile()) found.push(path)
  }
  return found.sort()
}
