import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import ts from 'typescript'
import { isUnderBoundsLaw, strayBounds } from './bounds-law.mjs'
import { isUnderInsideLaw, reachesInside } from './inside-law.mjs'
import { at, filesIn } from './root.mjs'
import { isUnderSleepLaw, sleeps } from './sleep-law.mjs'

/** Folders of packages/server/src, each with the ones it may import. */
const serverLayers = {
  config: [],
  files: [],
  'node-inside': [],
  observability: [],
  http: ['config', 'observability'],
  auth: ['config', 'files', 'http', 'observability'],
  lifecycle: ['config', 'http', 'observability'],
  drivers: ['files', 'config', 'http', 'observability'],
  store: ['config', 'files', 'http', 'observability'],
  recordings: ['config', 'http', 'observability'],
  controller: ['auth', 'lifecycle', 'drivers', 'store', 'recordings', 'config', 'http', 'observability'],
  gateway: ['auth', 'lifecycle', 'store', 'config', 'http', 'node-inside', 'observability'],
}

const textLaws = [
  {
    files: (file) => /^packages\/.*\/test\//.test(file),
    pattern: /\bMath\.random\(/,
    message: 'What is random in tests comes from the seed of the run: seededRandom(), or fast-check.',
  },
  {
    files: (file) => /\/src\//.test(file) && !/(\/config\/|\/config\.ts$)/.test(file),
    pattern: /import \{[^}]*\benv\b[^}]*\} from '(node:)?process'/,
    message: 'The environment is read in config/ or config.ts only.',
  },
  {
    files: (file) => file.startsWith('packages/server/src/') && !file.endsWith('/store/connection.ts'),
    pattern: /import (?!type\b)[^\n]*\n?[^;\n]*from 'pg'/,
    message: 'Connections are made by store/connection.ts, which keeps the environment out of them.',
  },
]

/** Laws about how code is written, each with the files that are under it. */
const codeLaws = [
  { files: isUnderSleepLaw, problems: (_file, source) => sleeps(source) },
  { files: isUnderInsideLaw, problems: (_file, source) => reachesInside(source) },
  { files: isUnderBoundsLaw, problems: strayBounds },
]

/** What breaks the import law and the other laws that the linter has no rule for. All files, or those below `paths`. */
export function checkLaws(paths = []) {
  const folders = paths.map((path) => posix.normalize(path.replaceAll('\\', '/')).replace(/\/$/, ''))
  return ['packages', 'examples', '.ci']
    .flatMap((folder) => filesIn(folder))
    .filter((file) => /\.(ts|tsx|mts|mjs)$/.test(file) && !file.includes('/fixtures/'))
    .filter(
      (file) =>
        folders.length === 0 ||
        folders.some((part) => part === '.' || file === part || file.startsWith(`${part}/`)),
    )
    .flatMap((file) => checkFile(file, readFileSync(at(file), 'utf8')))
}

/** What one file breaks. */
export function checkFile(file, text) {
  const broken = []
  const report = (position, message) => {
    broken.push({ file, line: text.slice(0, position).split('\n').length, message })
  }
  for (const { fileName, pos } of ts.preProcessFile(text, true, true).importedFiles) {
    const message = importProblem(file, fileName)
    if (message) report(pos, message)
  }
  for (const { files, pattern, message } of textLaws) {
    const found = files(file) ? pattern.exec(text) : undefined
    if (found) report(found.index, message)
  }
  for (const { position, message } of codeProblems(file, text)) report(position, message)
  return broken
}

function codeProblems(file, text) {
  const laws = codeLaws.filter(({ files }) => files(file))
  if (laws.length === 0) return []
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  return laws.flatMap(({ problems }) => problems(file, source))
}

function importProblem(file, specifier) {
  const source = /^packages\/([a-z]+)\/src\/(.*)$/.exec(file)
  if (!source) return outsideProblem(file, specifier)
  const [, name, inside] = source
  const target = specifier.startsWith('.') ? posix.join(posix.dirname(inside), specifier) : undefined
  if (target?.startsWith('..')) return `'${specifier}' leaves the package's sources.`
  if (name === 'sdk') return sdkProblem(inside, target, specifier)
  if (name === 'react') return reactProblem(specifier)
  if (specifier === '@cliscale/sdk' || specifier.startsWith('@cliscale/sdk/errors'))
    return `@cliscale/${name} imports '@cliscale/sdk/protocol' and nothing else of the SDK.`
  if (specifier.startsWith('@cliscale/') && specifier !== '@cliscale/sdk/protocol')
    return `@cliscale/${name} may not import '${specifier}'.`
  return name === 'server' && target ? serverProblem(inside, target) : undefined
}

/** The console and the examples are written as a user would write them: from what the packages publish. */
function outsideProblem(file, specifier) {
  const home = /^(packages\/server\/console|examples\/[^/]+)\//.exec(file)?.[1]
  if (!home || !specifier.startsWith('.') || file.includes('/test/')) return undefined
  const target = posix.join(posix.dirname(file), specifier)
  return target.startsWith(`${home}/`) ? undefined : `'${specifier}' leaves ${home}.`
}

function sdkProblem(inside, target, specifier) {
  if (inside.startsWith('protocol/') && !target?.startsWith('protocol/'))
    return `protocol/ imports nothing but itself, not '${specifier}'.`
  if (specifier.startsWith('@cliscale/')) return `The SDK may not import '${specifier}'.`
  if (isBuiltin(specifier)) return `The SDK runs in browsers and may not import '${specifier}'.`
  return undefined
}

function reactProblem(specifier) {
  if (specifier.startsWith('@cliscale/') && !/^@cliscale\/sdk(\/protocol|\/errors)?$/.test(specifier))
    return `@cliscale/react may not import '${specifier}'.`
  if (isBuiltin(specifier)) return `@cliscale/react runs in browsers and may not import '${specifier}'.`
  return undefined
}

function serverProblem(inside, target) {
  const from = layerOf(inside)
  const to = layerOf(target)
  if (from === 'cli' || from === to) return undefined
  if (from === 'server') return to === 'cli' ? `${inside} may not import cli.` : undefined
  if (serverLayers[from]?.includes(to)) return undefined
  return `${from} may not import ${to} (${target}).`
}

/** The layer of a path inside packages/server/src: its folder; files at the top are cli or server. */
function layerOf(path) {
  if (!path.includes('/')) return path.startsWith('cli.') ? 'cli' : 'server'
  return path.split('/')[0] === 'cli' ? 'cli' : path.split('/')[0]
}

function isBuiltin(specifier) {
  return specifier.startsWith('node:') || builtinModules.includes(specifier)
}
