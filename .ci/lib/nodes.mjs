import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { at, cache } from './root.mjs'
import { must, Refusal } from './run.mjs'

const folder = join(cache, 'nodes')
const files = ['package.json', 'package-lock.json', '.npmrc']

/** Path of another Node release, by its major version; installs those of `.ci/nodes` when they are missing. */
export async function otherNode(major) {
  await withLock('nodes', installNodes)
  const path = join(folder, 'node_modules', `node${major}-${process.arch}`, 'bin', 'node')
  if (!existsSync(path))
    throw new Refusal(`There is no packaged Node ${major} for ${process.platform}-${process.arch}.`)
  return path
}

async function installNodes() {
  if (
    files.every((file) => sameText(at('.ci/nodes', file), join(folder, file))) &&
    existsSync(join(folder, 'done'))
  )
    return
  console.log('Installing other releases of Node…')
  mkdirSync(folder, { recursive: true })
  for (const file of files) cpSync(at('.ci/nodes', file), join(folder, file))
  await must('npm', ['ci', '--loglevel=error'], { cwd: folder })
  cpSync(join(folder, 'package.json'), join(folder, 'done'))
}

function sameText(left, right) {
  return existsSync(right) && readFileSync(left, 'utf8') === readFileSync(right, 'utf8')
}
