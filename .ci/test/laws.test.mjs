import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import ts from 'typescript'
import { BOUNDS_ELSEWHERE } from '../lib/bounds-law.mjs'
import { ImportGraph } from '../lib/imports.mjs'
import { INSIDE, reachesInside } from '../lib/inside-law.mjs'
import { insideProblems, NODE_INSIDE } from '../lib/node-inside.mjs'
import { at, filesIn, packages, readJson } from '../lib/root.mjs'

describe('the list of exceptions is true', () => {
  const graph = new ImportGraph()

  it('files with bounds exist', () =>
    assert.deepEqual(
      Object.keys(BOUNDS_ELSEWHERE).filter((file) => !graph.has(file)),
      [],
    ))
})

describe('what hangs on Node’s inside', () => {
  const graph = new ImportGraph()
  const adopt = 'packages/server/src/node-inside/adopt.ts'
  const ring = 'packages/runner/test/ring.test.ts'

  it('has tests that the newest Node runs', () => assert.deepEqual(insideProblems(graph), []))

  it('is found when it has none', () => {
    const { [adopt]: _, ...table } = NODE_INSIDE
    assert.match(insideProblems(graph, table).join('\n'), /adopt\.ts hangs on Node's inside/)
  })

  it('is not shown by a test that does not use it', () =>
    assert.match(
      insideProblems(graph, { ...NODE_INSIDE, [adopt]: [ring] }).join('\n'),
      /ring\.test\.ts does not use/,
    ))

  it('is not shown by a test that is gone', () =>
    assert.match(
      insideProblems(graph, { ...NODE_INSIDE, [adopt]: ['gone.test.ts'] }).join('\n'),
      /does not use/,
    ))

  it('is not a file that is gone', () =>
    assert.match(
      insideProblems(graph, { ...NODE_INSIDE, 'gone.ts': [ring] }).join('\n'),
      /which does not exist/,
    ))
})

describe('what is reached into', () => {
  const text = (file) => readFileSync(at(file), 'utf8')
  const parse = (file) => ts.createSourceFile(file, text(file), ts.ScriptTarget.Latest, true)

  for (const name of packages) {
    const inside = filesIn('packages', name, 'src').filter((file) => INSIDE.test(file))
    if (inside.length === 0) continue
    const names = new Set(inside.flatMap((file) => reachesInside(parse(file)).map(({ name }) => name)))
    const tables = filesIn('packages', name, 'test')
      .map(text)
      .filter((test) => test.includes(': Shape = {'))
    it(`is looked for by a test of ${name}, name by name`, () => {
      assert.ok(names.size > 0, 'The folder reaches into nothing.')
      assert.deepEqual(
        [...names].filter((member) => !tables.some((table) => new RegExp(`\\b${member}\\b`).test(table))),
        [],
      )
    })
  }
})

describe('xterm, which we reach into', () => {
  for (const name of packages) {
    const {
      dependencies = {},
      peerDependencies = {},
      devDependencies = {},
    } = readJson('packages', name, 'package.json')
    const all = [dependencies, peerDependencies, devDependencies].flatMap((part) => Object.entries(part))
    for (const [library, range] of all.filter(([library]) => library.startsWith('@xterm/')))
      it(`${name} takes no minor release of ${library} that it has not been tested with`, () =>
        assert.match(range, /^~\d+\.\d+\.\d+$/))
  }
})
