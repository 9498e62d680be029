import assert from 'node:assert/strict'
import { test } from 'node:test'
import { committed } from '../support/generated.ts'
import { documentedParts, generatedMetrics } from '../support/generate-metrics.ts'

test('the table of metrics in the repository is the one that the code makes', async () => {
  const page = await generatedMetrics()
  assert.equal(await committed(page), page.content, 'run: npm run generate -w packages/server')
})

test('names follow Prometheus: counters end in _total, and no label names a session or a user', async () => {
  const metrics = (await documentedParts()).flatMap(({ metrics: all }) => all)
  const own = metrics.filter(({ name }) => name.startsWith('cliscale_'))
  assert.ok(own.length > 20)
  assert.equal(new Set(metrics.map(({ name }) => name)).size, metrics.length)
  for (const { name, type, labels, help } of own) {
    assert.match(name, /^cliscale_[a-z]+(_[a-z]+)+$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.match(help, /^[A-Z1].+\.$/, name)
    for (const label of Object.keys(labels)) assert.doesNotMatch(label, /session|user|owner|project|token/)
  }
})
