import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { at } from './root.mjs'
import { Refusal } from './run.mjs'

/** Where the licenses stand in a packed package. */
export const NOTICES = 'THIRD-PARTY-NOTICES.md'

/** Packages that are published without the text of their license, each with one of the same project that has it. */
const LICENSED_AS = { '@xterm/headless': '@xterm/xterm' }

const METAFILE = /^metafile-.*\.json$/

/**
 * Writes the licenses of what a packed package's programs have in them, as esbuild's metafiles in its `dist` say, and takes
 * these away. What a library has in its own files is known by the source maps. `folder` holds what is packed. Returns
 * whether there was anything to write.
 */
export function writeNotices(folder, name) {
  const dist = join(folder, 'dist')
  const homes = new Set()
  const add = (base, path) => {
    const [home, library] = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? []
    if (home === undefined) return
    // What a library was built with lay below it, where it was built.
    const places = [at(base, home), at('node_modules', library)]
    const found = places.find((place) => existsSync(join(place, 'package.json')))
    if (found !== undefined) homes.add(found)
  }
  for (const file of readdirSync(dist)) {
    const read = () => JSON.parse(readFileSync(join(dist, file), 'utf8'))
    if (file.endsWith('.js.map')) for (const source of read().sources) add(`packages/${name}/dist`, source)
    if (!METAFILE.test(file)) continue
    for (const input of Object.keys(read().inputs)) add(`packages/${name}`, input)
    rmSync(join(dist, file))
  }
  if (homes.size === 0) return false
  const notices = [...homes].map(noticeOf).sort((one, other) => one.title.localeCompare(other.title, 'en'))
  const parts = notices.map(({ title, text }) => `## ${title}\n\n\`\`\`text\n${text.trim()}\n\`\`\`\n`)
  writeFileSync(
    join(folder, NOTICES),
    `# What this package has in it\n\nParts of these packages are in its files.\n\n${parts.join('\n')}`,
  )
  return true
}

function noticeOf(home) {
  const { name, version, license } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  const source = name in LICENSED_AS ? at('node_modules', LICENSED_AS[name]) : home
  const file = readdirSync(source).find((entry) => /^(licen[cs]e|copying)/i.test(entry))
  if (file === undefined)
    throw new Refusal(`${name} is bundled and has no license text that could be passed on.`)
  return { title: `${name} ${version} (${license})`, text: readFileSync(join(source, file), 'utf8') }
}
