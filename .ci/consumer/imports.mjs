// Every published entry point loads in plain Node, without a browser and without our sources.
import assert from 'node:assert/strict'

const entries = [
  '@cliscale/sdk',
  '@cliscale/sdk/protocol',
  '@cliscale/sdk/errors',
  '@cliscale/react',
  '@cliscale/react/mount',
  '@cliscale/server',
]
for (const entry of entries) {
  const loaded = await import(entry)
  assert.ok(Object.keys(loaded).length > 0, `${entry} exports nothing`)
  assert.match(import.meta.resolve(entry), /\/node_modules\/@cliscale\/[a-z]+\/dist\//)
}
for (const name of ['sdk', 'react', 'runner', 'server']) {
  const { default: manifest } = await import(`@cliscale/${name}/package.json`, { with: { type: 'json' } })
  assert.equal(manifest.name, `@cliscale/${name}`)
}
