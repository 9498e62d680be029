// CommonJS loads the same modules: Node 20.19, 22.12 and newer can `require` ES modules.
const assert = require('node:assert/strict')

const entries = [
  '@cliscale/sdk',
  '@cliscale/sdk/protocol',
  '@cliscale/sdk/errors',
  '@cliscale/react',
  '@cliscale/server',
]
for (const entry of entries) {
  const loaded = require(entry)
  assert.equal(typeof loaded, 'object')
  assert.notDeepEqual(Object.keys(loaded), [], `${entry} exports nothing`)
}
void import('@cliscale/sdk').then(({ Cliscale }) =>
  assert.equal(Cliscale, require('@cliscale/sdk').Cliscale, 'There are two of the same class.'),
)
