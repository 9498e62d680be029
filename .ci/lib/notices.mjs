import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
 * these away. `folder` holds what is packed. Returns whether there was anything to write.
 */
export function writeNotices(folder, name) {
  const dist = join(folder, 'dist')
  const homes = new Set()
  for (const file of readdirSync(dist).filter((entry) => METAFILE.test(entry))) {
    const { inputs } = JSON.parse(readFileSync(join(dist, file), 'utf8'))
    for (const input of Object.keys(inputs)) {
      const home = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]
      if (home !== undefined) homes.add(at('packages', name, home))
    }
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
