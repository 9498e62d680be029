import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { at, cache } from './root.mjs'
import { must } from './run.mjs'

const files = ['package.json', 'package-lock.json', '.npmrc']

/**
 * Installs what the lockfile in `.ci/<name>` names into a folder of its own, when that is missing or old, then runs
 * `prepare` there. Resolves to the folder.
 */
export async function sideInstall(name, title, prepare = async () => {}) {
  const source = at('.ci', name)
  const folder = join(cache, name)
  const mark = join(folder, 'installed.json')
  const isThere = () =>
    existsSync(mark) && readFileSync(mark, 'utf8') === readFileSync(join(source, 'package-lock.json'), 'utf8')
  await withLock(name, async () => {
    if (isThere()) return
    console.log(`Installing ${title}…`)
    mkdirSync(folder, { recursive: true })
    for (const file of files) cpSync(join(source, file), join(folder, file))
    await must('npm', ['ci', '--loglevel=error'], { cwd: folder })
    await prepare(folder)
    cpSync(join(source, 'package-lock.json'), mark)
  })
  return folder
}
