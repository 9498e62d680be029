import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'
import { at, cache, filesIn, packages, readJson } from './root.mjs'

const CODE = /\.(ts|tsx|mts|mjs|js)$/

/** Files that find a folder by looking for it, each with the folder: no string of theirs is its path. */
const LOOKED_FOR = {
  'packages/server/src/store/migrate.ts': 'packages/server/migrations/',
  'packages/server/src/http/console.ts': 'packages/server/console/',
  'packages/server/src/server/package.ts': 'packages/server/package.json',
}

/**
 * What one file names. `kind`: `import` for what is loaded at run time, `type` for what only the compiler reads, `name` for
 * another string, which may be the path of what the file starts, reads or bundles.
 */
export function namesIn(file, text) {
  const found = []
  const add = (node, kind) => void found.push({ specifier: node.text, kind, position: node.getStart() })
  const visit = (node) => {
    const declared = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier
    if (declared) return add(declared, isTypeOnly(node) ? 'type' : 'import')
    const [called] = ts.isCallExpression(node) ? node.arguments : []
    if (called && ts.isStringLiteralLike(called) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      return add(called, 'import')
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      return add(node.argument.literal, 'type')
    if (ts.isStringLiteralLike(node)) add(node, 'name')
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
  return found
}

function isTypeOnly(node) {
  return node.isTypeOnly === true || node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
}

/** Which files of the repository name which: at run time, for the compiler, or as a path. */
export class ImportGraph {
  #files
  #folders
  #entries = entries()
  #edges = new Map()
  #foreign = new Map()

  constructor() {
    const files = ['packages', 'examples', '.ci'].flatMap((folder) => filesIn(folder))
    this.#files = new Set(files)
    this.#folders = new Set(files.map((file) => posix.dirname(file)))
    const names = new RememberedNames()
    for (const file of files.filter(isCode)) this.#read(file, names.of(file))
    names.save()
  }

  #read(file, names) {
    const edges = new Map()
    const foreign = new Set()
    const sought = LOOKED_FOR[file]
    for (const to of sought ? this.#below(sought) : []) edges.set(to, 'name')
    for (const [specifier, kind] of names) {
      const targets = this.#resolve(file, specifier, kind)
      for (const to of targets) if (strength(kind) > strength(edges.get(to))) edges.set(to, kind)
      if (kind === 'import' && !specifier.startsWith('.') && targets.length === 0) foreign.add(specifier)
    }
    this.#edges.set(file, edges)
    this.#foreign.set(file, foreign)
  }

  /** The files that a specifier stands for; those of a folder of data when it is the name of one. */
  #resolve(file, specifier, kind) {
    // What the repository's scripts say of packages is no part of the scripts.
    if (kind === 'name' && file.startsWith('.ci/')) return []
    const entry = this.#entries.get(specifier)
    if (entry) return [entry]
    if (kind !== 'name') return this.#known(posix.join(posix.dirname(file), specifier))
    if (!/^[\w@./-]*\w\/?$/.test(specifier)) return []
    const home = file.split('/').slice(0, 2).join('/')
    for (const base of [posix.dirname(file), '', home]) {
      const path = posix.join(base, specifier)
      const found = this.#known(path)
      if (found.length > 0) return found
      if (/\/test\//.test(path) && this.#folders.has(path.replace(/\/$/, ''))) return this.#below(path)
    }
    return []
  }

  #known(path) {
    const source = path.replace(/^(packages\/[a-z]+)\/dist\/(.*)\.js$/, '$1/src/$2.ts')
    return this.#files.has(source) ? [source] : []
  }

  #below(path) {
    return [...this.#files].filter((file) => file.startsWith(path) && !/\.test\.tsx?$/.test(file))
  }

  /** The files that it knows below a folder. */
  files(folder) {
    return [...this.#edges.keys()].filter((file) => file.startsWith(folder))
  }

  /** True for what the graph knows. */
  has(file) {
    return this.#files.has(file)
  }

  /** What `file` loads at run time, itself included, and the packages and modules of Node that it loads with that. */
  loads(file) {
    const files = [...walk([file], (from) => this.#next(from, ['import'])).keys()]
    return { files, foreign: new Set(files.flatMap((from) => [...(this.#foreign.get(from) ?? [])])) }
  }

  /** Packages and modules of Node that one file names itself. */
  foreign(file) {
    return this.#foreign.get(file) ?? new Set()
  }

  /** How many steps each file is away from what `file` is made of: what it loads, starts, reads or bundles. */
  uses(file) {
    return walk([file], (from) => this.#next(from, ['import', 'name']))
  }

  /** Steps from the changed files to each file that is made of one of them; `kinds`: what counts. */
  reachedFrom(changed, kinds = ['import', 'name']) {
    const users = new Map()
    for (const file of this.#edges.keys())
      for (const to of this.#next(file, kinds)) users.set(to, [...(users.get(to) ?? []), file])
    return walk(changed, (file) => users.get(file) ?? [])
  }

  #next(file, kinds) {
    return [...(this.#edges.get(file) ?? [])].filter(([, kind]) => kinds.includes(kind)).map(([to]) => to)
  }
}

/** Breadth first; steps by file. */
function walk(start, next) {
  const steps = new Map(start.map((file) => [file, 0]))
  for (const [file, step] of steps) for (const to of next(file)) if (!steps.has(to)) steps.set(to, step + 1)
  return steps
}

const strength = (kind) => ['type', 'name', 'import'].indexOf(kind)

const isCode = (file) => CODE.test(file) && !file.includes('/fixtures/')

/** Sources of what the packages export, by the name under which it is imported. */
function entries() {
  return new Map(
    packages.flatMap((name) =>
      Object.entries(readJson('packages', name, 'package.json').exports)
        .filter(([, target]) => target['@cliscale/source'])
        .map(([path, target]) => [
          posix.join(`@cliscale/${name}`, path),
          posix.join('packages', name, target['@cliscale/source']),
        ]),
    ),
  )
}

/** What files name, read again only when they change: to parse all takes seconds. */
class RememberedNames {
  #path = join(cache, 'names.json')
  #old = this.#load()
  #new = {}

  #load() {
    try {
      return JSON.parse(readFileSync(this.#path, 'utf8'))
    } catch {
      return {}
    }
  }

  of(file) {
    const text = readFileSync(at(file), 'utf8')
    const digest = createHash('sha256').update(text).digest('base64')
    const known = this.#old[file]
    const names =
      known?.digest === digest
        ? known.names
        : namesIn(file, text).map(({ specifier, kind }) => [specifier, kind])
    this.#new[file] = { digest, names: names.filter(([name]) => name.length < 200) }
    return this.#new[file].names
  }

  save() {
    mkdirSync(cache, { recursive: true })
    const part = `${this.#path}.${process.pid}`
    writeFileSync(part, JSON.stringify(this.#new))
    renameSync(part, this.#path)
  }
}
