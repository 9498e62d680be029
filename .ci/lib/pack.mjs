import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NOTICES, writeNotices } from './notices.mjs'
import { linkOutside } from './package-links.mjs'
import { at, cache, readJson } from './root.mjs'
import { capture, Refusal } from './run.mjs'

const developmentOnly = ['@cliscale/source']
const left = ['scripts', 'devDependencies']

/** The manifest as it is published: without development conditions, scripts and development dependencies. */
export function publishedManifest(manifest) {
  const kept = Object.fromEntries(Object.entries(manifest).filter(([key]) => !left.includes(key)))
  return { ...kept, exports: withoutConditions(manifest.exports) }
}

function withoutConditions(value) {
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => !developmentOnly.includes(key))
  const mapped = kept.map(([key, inner]) => [key, withoutConditions(inner)])
  return mapped.length === 1 && mapped[0][0] === 'default' ? mapped[0][1] : Object.fromEntries(mapped)
}

/** Packs a built package. Resolves to the path of its tarball. */
export async function pack(name) {
  const stage = join(cache, 'stage', name)
  const tarballs = join(cache, 'tarballs')
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  mkdirSync(tarballs, { recursive: true })
  const manifest = readJson('packages', name, 'package.json')
  for (const file of [...manifest.files, 'README.md', 'CHANGELOG.md']) {
    if (existsSync(at('packages', name, file)))
      cpSync(at('packages', name, file), join(stage, file), { recursive: true })
    else if (file !== 'CHANGELOG.md')
      throw new Refusal(`packages/${name}/${file} is missing, it belongs in the package.`)
  }
  linkOutside(stage, manifest)
  if (writeNotices(stage, name)) manifest.files.push(NOTICES)
  cpSync(at('LICENSE'), join(stage, 'LICENSE'))
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`)
  const { code, output, stdout } = await capture('npm', ['pack', '--json', '--pack-destination', tarballs], {
    cwd: stage,
  })
  if (code !== 0) throw new Refusal(`Packing ${name} failed:\n${output}`)
  return join(tarballs, JSON.parse(stdout)[0].filename)
}
