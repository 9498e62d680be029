import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Health } from '../../src/observability/health.ts'

test('a part that is unwell takes the server out of traffic but does not ask for a restart', async () => {
  const health = new Health()
  health.register('loop', 'live', () => null)
  health.register('database', 'ready', async () => 'It is away.')
  assert.deepEqual(await health.report('live'), { ok: true, checks: { loop: 'ok' } })
  assert.deepEqual(await health.report('ready'), {
    ok: false,
    checks: { loop: 'ok', database: 'It is away.' },
  })
})

test('a check that throws or never answers counts as unwell, and the fault is told', async () => {
  const told: string[] = []
  const health = new Health({ timeoutMs: 20, onError: (name) => told.push(name) })
  health.register('throws', 'ready', () => {
    throw new Error('canary')
  })
  health.register('hangs', 'ready', () => new Promise(() => undefined))
  const { ok, checks } = await health.report('ready')
  assert.equal(ok, false)
  assert.deepEqual(checks, {
    throws: 'The check failed; the log says why.',
    hangs: 'No answer within 20 ms.',
  })
  assert.deepEqual(told, ['throws'])
})

test('a draining server is not ready, however well it is', async () => {
  const health = new Health()
  health.register('database', 'ready', () => null)
  health.drain()
  assert.equal((await health.report('ready')).ok, false)
  assert.equal((await health.report('live')).ok, true)
})
