import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from './run.mjs'
import { sideInstall } from './side-install.mjs'

/** Path of another Node release, by its major version; installs those of `.ci/nodes` when they are missing. */
export async function otherNode(major) {
  const folder = await sideInstall('nodes', 'other releases of Node')
  const path = join(folder, 'node_modules', `node${major}-${process.arch}`, 'bin', 'node')
  if (!existsSync(path))
    throw new Refusal(`There is no packaged Node ${major} for ${process.platform}-${process.arch}.`)
  return path
}
