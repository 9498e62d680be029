import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runNode } from '../support/spawn-server.ts'

const BENCH = fileURLToPath(new URL('../../bench/resume.ts', import.meta.url))

interface Outcome {
  readonly goals: readonly { readonly name: string; readonly value: number; readonly pass: boolean }[]
  readonly figures: readonly { readonly kind: string; readonly lastSeconds: number | null }[]
}

test('forty terminals lose and double no byte when their gateway is killed, and when it drains', async (t) => {
  const flags = ['--source', '--json', '--terminals=40', '--real=5', '--drain-seconds=2', '--every-ms=250']
  const { code, stdout, stderr } = await runNode([BENCH, ...flags])
  assert.equal(code, 0, stderr)
  const { goals, figures } = JSON.parse(stdout) as Outcome
  // How long it takes is the bench's business: here other tests run beside it.
  const exact = goals.filter(({ name }) => !/^kill -9: 99 %|most closes/.test(name))
  assert.equal(exact.length, 5)
  assert.deepEqual(
    exact.filter(({ pass }) => !pass),
    [],
  )
  assert.deepEqual(
    figures.map(({ kind }) => kind),
    ['kill', 'drain'],
  )
  for (const { lastSeconds } of figures) assert.ok(lastSeconds !== null && lastSeconds < 60)
  t.diagnostic(JSON.stringify(figures))
})
