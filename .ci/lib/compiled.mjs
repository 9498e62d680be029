import { chmodSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { at, cache, foldersIn } from './root.mjs'
import { must } from './run.mjs'

const place = join(cache, 'compiled')

/** Where processes of the tests keep compiled code: most of what each start costs is to strip and compile the same files. */
export const compiled = { NODE_COMPILE_CACHE: place }

/**
 * Compiles the runner's sources ahead, for the Node that will run it. Runners that root starts become other users, who read
 * what is there and keep nothing.
 */
export async function compileRunner(node) {
  await must(node, ['--conditions=@cliscale/source', at('.ci/lib/load-runner.mjs')], {
    env: compiled,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  for (const folder of foldersIn('.cache', 'compiled')) open(folder)
}

/** Node gives the files to their owner alone. */
function open(folder) {
  for (const name of readdirSync(join(place, folder))) {
    const path = join(place, folder, name)
    // Another process of ours may be replacing it.
    const mode = statSync(path, { throwIfNoEntry: false })?.mode
    if (mode !== undefined && (mode & 0o004) === 0) chmodSync(path, 0o644)
  }
}
