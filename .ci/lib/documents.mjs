import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { at, filesIn, foldersIn, packages } from './root.mjs'

/** What is written by hand for readers; pages that are made from sources name what the sources name. */
export const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...packages.map((name) => `packages/${name}/README.md`),
  'packages/sdk/PROTOCOL.md',
  'packages/server/PROXIES.md',
  'packages/server/SPLIT.md',
  ...foldersIn('examples').map((name) => `examples/${name}/README.md`),
]

export const readDocument = (name) => readFileSync(at(name), 'utf8')

const FENCE = /^```[^\n]*\n[\s\S]*?^```/gm
const EXTENSION = /\.(ts|tsx|mjs|sql|json|jsonl|md|py|css)$/
const PATH = /^[A-Za-z_.][\w.-]*(\/[\w.-]+)*\/?$/

/**
 * Names with a slash or an ending that are no files of the repository: what runs, what users have, what others publish. A
 * path that is stale does not belong here.
 */
const ELSEWHERE = new Set(['node_modules/.bin/node', 'package.json', 'policy-rc.d', 'templates.yaml'])

/** Links of a document that lead nowhere. */
export function deadLinks(name) {
  const text = readDocument(name).replaceAll(FENCE, '')
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)
  return links.filter((target) => !/^[a-z]+:/.test(target) && !leads(name, target))
}

function leads(name, target) {
  const [path, anchor] = target.split('#')
  const file = path === '' ? name : normalize(join(dirname(name), path))
  if (!existsSync(at(file))) return false
  if (anchor === undefined) return true
  const page = statSync(at(file)).isDirectory() ? join(file, 'README.md') : file
  return anchorsOf(page).has(anchor)
}

function anchorsOf(name) {
  const headings = [
    ...readDocument(name)
      .replaceAll(FENCE, '')
      .matchAll(/^#+ (.+)$/gm),
  ]
  return new Set(
    headings.map(([, heading]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Paths that a document names and that are not in the repository. */
export function stalePaths(name, text = readDocument(name)) {
  const known = knownPaths()
  const named = [...inCode(text), ...inTrees(text)]
  const isKnown = (path) => known.has(path.replace(/\/$/, '')) || known.has(testOf(path))
  return [...new Set(named)].filter((path) => !ELSEWHERE.has(path) && !isKnown(path))
}

/** A test by its short name, `package/path`, as SECURITY.md has it. */
const testOf = (path) => `${path.replace(/^[a-z]+/, 'packages/$&/test')}.test.ts`

/** Code in running text that is a path: with a slash inside, a slash at the end, or the ending of a source. */
function inCode(text) {
  return [...text.replaceAll(FENCE, '').matchAll(/`([^`\n]+)`/g)]
    .map(([, code]) => code)
    .filter((code) => PATH.test(code) && (code.includes('/') || EXTENSION.test(code)) && !isOther(code))
}

/** Media types, networks, what a build makes. */
const isOther = (code) => /^(application|text|audio|image)\//.test(code) || /^(\d|dist\/)/.test(code)

/** A block that lists folders: what is indented lies below the line that is not. */
function inTrees(text) {
  const found = []
  for (const [block] of text.matchAll(FENCE)) {
    const lines = block.split('\n').slice(1, -1)
    if (!lines.some((line) => /^packages\/\S+\/\s/.test(line))) continue
    let base = ''
    for (const line of lines) {
      const [, indent, path] = /^(\s*)(\S+)/.exec(line) ?? []
      if (path === undefined) continue
      if (indent === '') base = path
      else
        for (const one of line
          .trim()
          .split(/\s{2,}/)[0]
          .split(', '))
          found.push(base + one)
      if (indent === '') found.push(path)
    }
  }
  return found
}

let paths
/** Every file and folder by its whole path and by each end of it that begins with a name. */
function knownPaths() {
  if (paths !== undefined) return paths
  paths = new Set()
  for (const folder of ['packages', 'examples', '.ci', '.github', '.changeset'])
    for (const file of filesIn(folder)) add(file)
  for (const file of [...documents, 'package.json', 'package-lock.json', 'tsconfig.base.json', 'LICENSE'])
    add(file)
  return paths
}

function add(file) {
  const parts = file.split('/')
  for (let end = 1; end <= parts.length; end += 1) {
    for (let begin = 0; begin < end; begin += 1) paths.add(parts.slice(begin, end).join('/'))
  }
}
