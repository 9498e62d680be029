import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { at } from './root.mjs'

/**
 * Puts the packaged Node of this platform where npm scripts find it. npm 10 leaves the link out: it removes it together
 * with the package of the other platform, which has a command of the same name.
 */
export function linkNode() {
  const packaged = `node-${process.platform}-${process.arch}`
  const link = at('node_modules', '.bin', 'node')
  if (existsSync(link) || !existsSync(at('node_modules', packaged, 'bin', 'node'))) return
  mkdirSync(at('node_modules', '.bin'), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(`../${packaged}/bin/node`, link)
}
