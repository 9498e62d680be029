import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, posix } from 'node:path'
import ts from 'typescript'
import { ImportGraph } from './imports.mjs'
import { packages, readJson } from './root.mjs'

/** What `ws` loads when it happens to be installed, and does without otherwise. */
const ACCELERATORS = ['bufferutil', 'utf-8-validate']

/** Packages whose program has in it what it imports: there its development dependencies will do. */
const BUNDLED = ['runner']

/** The package of an import; undefined for files and modules of Node. */
function packageOf(specifier) {
  if (/^[./#]/.test(specifier) || /^[a-z]+:/.test(specifier)) return undefined
  const parts = specifier.split('/')
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]
  return builtinModules.includes(name) ? undefined : name
}

const namesOf = (manifest, parts) => parts.flatMap((part) => Object.keys(manifest[part] ?? {}))

const PUBLISHED = ['dependencies', 'optionalDependencies', 'peerDependencies']

/**
 * What a packed package imports, at run time or for its types, and does not bring with it: with a package manager that
 * installs strictly it is missing. One sentence each. `folder` holds what is packed.
 */
export function missingInPack(folder, manifest) {
  const own = new Set([manifest.name, ...namesOf(manifest, PUBLISHED), ...ACCELERATORS])
  const files = readdirSync(folder, { recursive: true }).filter((file) => /\.(js|d\.ts)$/.test(file))
  return files.flatMap((file) => {
    const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(
      readFileSync(join(folder, file), 'utf8'),
      true,
      true,
    )
    const names = [...importedFiles, ...typeReferenceDirectives].map(({ fileName }) => packageOf(fileName))
    return [...new Set(names)]
      .filter((name) => name !== undefined && !own.has(name))
      .map((name) => `${manifest.name}: ${file} imports ${name}, which is not in its dependencies.`)
  })
}

/** The same of the sources of all packages: hoisting hides that another package brings what one imports. */
export function missingInSources(graph = new ImportGraph(), manifestOf = manifestIn) {
  return packages.flatMap((name) => {
    const manifest = manifestOf(name)
    const parts = BUNDLED.includes(name) ? [...PUBLISHED, 'devDependencies'] : PUBLISHED
    const own = new Set([manifest.name, ...namesOf(manifest, parts)])
    const home = posix.join('packages', name, 'src', '/')
    return graph.files(home).flatMap((file) =>
      [...graph.foreign(file)]
        .map(packageOf)
        .filter((wanted) => wanted !== undefined && !own.has(wanted))
        .map((wanted) => `${file} imports ${wanted}, which is not in the dependencies of ${manifest.name}.`),
    )
  })
}

const manifestIn = (name) => readJson('packages', name, 'package.json')
