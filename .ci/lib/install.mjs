import { existsSync, readFileSync } from 'node:fs'
import { linkNode } from './link-node.mjs'
import { at, readJson } from './root.mjs'
import { must, Refusal } from './run.mjs'

const oldest = [20, 19]

/** Installs what the lockfile names, unless it is there already. */
export async function install() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))
    throw new Refusal(`Node ${oldest.join('.')} or newer is needed, this is ${process.versions.node}.`)
  if (!isInstalled()) {
    const fresh = !existsSync(at('node_modules'))
    console.log('Installing packages…')
    await must('npm', [fresh ? 'ci' : 'install', '--loglevel=error'])
  }
  linkNode()
  requirePinnedNode()
}

/** True when every package of the lockfile that this machine can use is installed at its version. */
export function isInstalled() {
  const installed = readInstalled()
  if (!installed) return false
  for (const [path, wanted] of Object.entries(readJson('package-lock.json').packages)) {
    if (!path.startsWith('node_modules/')) continue
    const found = installed[path]
    if (!found && (wanted.optional || wanted.peer)) continue
    if (!found || found.version !== wanted.version || found.resolved !== wanted.resolved) return false
  }
  return true
}

function readInstalled() {
  try {
    return JSON.parse(readFileSync(at('node_modules', '.package-lock.json'), 'utf8')).packages
  } catch {
    return undefined
  }
}

/** Path of the Node that everything runs on: the pinned one, or a system one that is new enough. */
export function pinnedNode() {
  const path = at('node_modules', '.bin', 'node')
  if (existsSync(path)) return path
  return Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : undefined
}

function requirePinnedNode() {
  if (pinnedNode()) return
  throw new Refusal(
    `No packaged Node for ${process.platform}-${process.arch}, and this one is ${process.versions.node}: ` +
      'install Node 24 or newer and try again.',
  )
}
