import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { at } from '../lib/root.mjs'
import { capture } from '../lib/run.mjs'

const cases = [
  ['a passing test', "it('a', () => {})", { passed: 1, failed: 0, ok: true }],
  ['a failing test', "it('a', () => assert.fail())", { passed: 0, failed: 1, ok: false }],
  ['a skipped test', "it.skip('a', () => {})\nit('b', () => {})", { passed: 1, failed: 1, ok: false }],
  ['a skip decided inside', "it('a', (t) => t.skip())", { passed: 0, failed: 1, ok: false }],
  ['a todo', "it.todo('a')\nit('b', () => {})", { passed: 1, failed: 1, ok: false }],
  [
    'a skipped suite',
    "describe.skip('a', () => it('b', () => {}))\nit('c', () => {})",
    { passed: 1, failed: 1, ok: false },
  ],
  ['a file without tests', '', { passed: 0, failed: 1, ok: false }],
  ['a file that throws', "throw new Error('no')", { passed: 0, failed: 1, ok: false }],
]

describe('the test run', () => {
  let folder
  before(() => (folder = mkdtempSync(join(tmpdir(), 'cliscale-tests-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const [index, [title, body, expected]] of cases.entries()) {
    it(`counts ${title}`, async () => {
      const file = join(folder, `${index}.test.mjs`)
      writeFileSync(
        file,
        `import assert from 'node:assert'\nimport { describe, it } from 'node:test'\n${body}\n`,
      )
      const script = `
        const { runTests } = await import(${JSON.stringify(at('.ci/lib/tests.mjs'))})
        console.log('\\n' + JSON.stringify(await runTests(process.execPath, [${JSON.stringify(file)}])))`
      const { stdout, output } = await capture(process.execPath, ['--input-type=module', '--eval', script])
      assert.deepEqual(JSON.parse(stdout.trim().split('\n').at(-1)), expected, output)
    })
  }
})
