import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ImportGraph, namesIn } from '../lib/imports.mjs'
import { isLight } from '../lib/light.mjs'
import { chooseTests } from '../lib/near-tests.mjs'
import { projectsOf } from '../lib/projects.mjs'
import { at } from '../lib/root.mjs'
import { capture } from '../lib/run.mjs'
import { testFiles } from '../lib/tests.mjs'

const graph = new ImportGraph()
const tests = testFiles()
const reached = (...changed) => chooseTests(graph, { tests, changed, budgetMs: Infinity }).chosen

describe('which files name which', () => {
  it('tells run time, types and paths apart', () => {
    const text = `import { a } from './a.ts'
      import type { B } from './b.ts'
      export * from './c.ts'
      export type { D } from './d.ts'
      const e = await import('./e.ts')
      type F = import('./f.ts').F
      const g = new URL('../g.ts', import.meta.url)`
    assert.deepEqual(
      namesIn('x.ts', text).map(({ specifier, kind }) => `${kind} ${specifier}`),
      [
        'import ./a.ts',
        'type ./b.ts',
        'import ./c.ts',
        'type ./d.ts',
        'import ./e.ts',
        'type ./f.ts',
        'name ../g.ts',
      ],
    )
  })
})

describe('the tests of a change', () => {
  it('are those that import it, the nearest first', () => {
    const [first, ...others] = reached('packages/runner/src/terminal/ring.ts')
    assert.equal(first, 'packages/runner/test/ring.test.ts')
    assert.ok(others.includes('packages/runner/test/attach-terminal.test.ts'))
  })

  it('are first those of its name and folder, however far', () => {
    const found = reached('packages/server/src/controller/queue.ts')
    assert.equal(found[0], 'packages/server/test/controller/queue.test.ts')
    assert.ok(
      found.slice(1, 6).every((file) => file.startsWith('packages/server/test/controller/')),
      found.join(' '),
    )
  })

  it('are also those that start it', () => {
    assert.ok(reached('packages/server/src/cli/keys.ts').includes('packages/server/test/cli/keys.test.ts'))
    assert.ok(reached('packages/runner/src/main.ts').includes('packages/server/test/drivers/process.test.ts'))
  })

  it('are also those that read or bundle it', () => {
    assert.ok(
      reached('packages/runner/test/fixtures/bash.bin').includes(
        'packages/runner/test/restore-screen.test.ts',
      ),
    )
    assert.ok(reached('packages/react/src/styles.css').includes('packages/react/test/draw.e2e.test.ts'))
    assert.ok(
      reached('packages/server/migrations/0001_sessions.sql').includes(
        'packages/server/test/store/migrate.test.ts',
      ),
    )
    assert.ok(reached('packages/server/openapi.json').includes('packages/server/test/http/openapi.test.ts'))
  })

  it('are none of what does not use it', () => {
    const found = reached('packages/server/src/gateway/splice.ts')
    assert.ok(
      !found.some((file) => file.startsWith('packages/runner/') || file.includes('/store/')),
      found.join(' '),
    )
    assert.deepEqual(reached('README.md'), [])
  })

  it('are left out when they would take too long, the farthest first, but never the changed test itself', () => {
    const changed = ['packages/server/src/gateway/splice.ts', 'packages/server/test/cli/bodies.test.ts']
    const { chosen, left } = chooseTests(graph, { tests, changed, budgetMs: 0 })
    assert.deepEqual(chosen, ['packages/server/test/cli/bodies.test.ts'])
    assert.ok(left.includes('packages/server/test/gateway/splice.test.ts'))
  })
})

describe('projects whose types a change may break', () => {
  it('are those that import it', () => {
    const projects = projectsOf(graph, ['packages/runner/src/terminal/ring.ts'])
    assert.ok(projects.includes('runner') && !projects.includes('react'), projects.join(' '))
    assert.ok(projectsOf(graph, ['packages/server/src/http/app.ts']).includes('fastify-embed'))
    assert.ok(projectsOf(graph, ['packages/sdk/src/protocol/codec.ts']).includes('react'))
  })

  it('are all when the compiler’s settings change', () =>
    assert.ok(projectsOf(graph, ['tsconfig.base.json']).length >= 6))
})

describe('tests that share a process', () => {
  it('are those that start nothing', () => {
    assert.ok(isLight(graph, 'packages/runner/test/ring.test.ts'))
    for (const file of [
      'runner/test/attach-terminal',
      'runner/test/lose-no-output',
      'server/test/store/create',
    ])
      assert.ok(!isLight(graph, `packages/${file}.test.ts`), file)
  })

  const attempts = {
    'start no process': "(await import('node:child_process')).spawn('true')",
    'start no process at once': "(await import('node:child_process')).execFileSync('true')",
    'start no thread': "new (await import('node:worker_threads')).Worker('')",
    'listen nowhere': "(await import('node:http')).createServer().listen(0)",
    'connect to nothing': "(await import('node:net')).connect(1)",
  }
  for (const [what, program] of Object.entries(attempts))
    it(`${what}, although the rule did not see it`, async () => {
      const guard = `--import=${at('.ci/lib/start-nothing.mjs')}`
      const { code, output } = await capture(process.execPath, [
        guard,
        '--input-type=module',
        '--eval',
        program,
      ])
      assert.equal(code, 1)
      assert.match(output, /Tests that share a process/)
    })
})
