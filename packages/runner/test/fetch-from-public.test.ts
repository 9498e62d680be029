import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { SessionExit } from '@cliscale/sdk/protocol'

import { tarOf } from './support/archives.ts'
import { sha256, temporaryFolder } from './support/install-here.ts'
import { openNetwork, type OwnNetwork } from './support/open-network.ts'
import type { PublicHosts } from './support/public-hosts.ts'
import { startRunner } from './support/start-runner.ts'

const ARCHIVE = tarOf([{ path: 'bin/hello', content: '#!/bin/sh\necho hello\n' }])

/** Two addresses of the public internet, which here are in the test's own network. */
const PUBLIC = '8.8.4.4'
const PUBLIC_TOO = '1.1.1.1'

const COULD_NOT = 'BUNDLE_FETCH_FAILED: The bundle could not be downloaded.'

interface Fetched {
  readonly said: string
  readonly exit: SessionExit
  readonly network: OwnNetwork
  readonly log: string
}

/** Lets a runner fetch a bundle inside a network of its own. Plain http is allowed from every name there is. */
async function fetchInside(
  t: TestContext,
  url: string,
  over: Partial<PublicHosts> & { readonly flags?: readonly string[]; readonly digest?: string } = {},
): Promise<Fetched> {
  const bundle = join(temporaryFolder(t), 'bundle')
  writeFileSync(bundle, ARCHIVE)
  const names = over.names ?? {}
  const listen = over.listen ?? [
    [PUBLIC, 80],
    ['127.0.0.1', 80],
    ['10.1.2.3', 80],
  ]
  const network = await openNetwork(t, { bundle, names, listen })
  const hosts = [PUBLIC, ...Object.keys(names)].join(',')
  const flags = [`--bundle-http-hosts=${hosts}`, ...(over.flags ?? [])]
  const runner = await startRunner(t, { wrapper: network.wrapper, flags })
  await runner.assign({ command: 'hello', bundle: { url, sha256: over.digest ?? sha256(ARCHIVE) } })
  const exit = await (await runner.connect()).exited(60_000)
  const { failure } = exit
  const said = failure === undefined ? 'installed' : `${failure.code}: ${failure.message}`
  return { said, exit, network, log: runner.log }
}

test('a bundle comes from a public host, whose name is looked up once', async (t) => {
  const { said, network, log } = await fetchInside(t, 'http://store.test/bundle', {
    names: { 'store.test': [[PUBLIC]] },
  })
  assert.equal(said, 'installed', log)
  assert.deepEqual(network.asked, ['store.test'])
  assert.deepEqual(network.requested, [`${PUBLIC}:80 /bundle`])
})

test('a name that leads elsewhere at its second look-up is connected to as it was judged', async (t) => {
  const { said, network } = await fetchInside(t, 'http://store.test/bundle', {
    names: { 'store.test': [[PUBLIC], ['127.0.0.1']] },
  })
  assert.equal(said, 'installed')
  assert.deepEqual(network.asked, ['store.test'])
  assert.deepEqual(network.requested, [`${PUBLIC}:80 /bundle`])
})

const REFUSED: readonly (readonly [what: string, names: readonly (readonly string[])[]])[] = [
  ['of this machine', [['127.0.0.1']]],
  ['of a private network', [['10.1.2.3']]],
  ['that is not public beside one that is', [[PUBLIC, '10.1.2.3']]],
]

for (const [what, lists] of REFUSED) {
  test(`a name with an address ${what} is refused without a connection, as if nothing were there`, async (t) => {
    const { said, network, log } = await fetchInside(t, 'http://store.test/bundle', {
      names: { 'store.test': lists },
    })
    assert.equal(said, COULD_NOT)
    assert.deepEqual(network.requested, [])
    assert.match(log, /the address (?:127\.0\.0\.1|10\.1\.2\.3) is not allowed/)
  })
}

const INSIDE = ['http://inside.test/bundle', 'http://127.0.0.1/bundle', 'http://10.1.2.3/bundle'] as const

for (const inside of INSIDE) {
  test(`a public host cannot redirect to ${inside}`, async (t) => {
    const { said, network } = await fetchInside(t, `http://${PUBLIC}/to?url=${encodeURIComponent(inside)}`, {
      names: { 'inside.test': [['10.1.2.3']] },
    })
    assert.match(said, /^BUNDLE_FETCH_FAILED: The bundle could not be downloaded\.$|^BUNDLE_REFUSED: /)
    assert.deepEqual(new Set(network.requested), new Set([`${PUBLIC}:80 /to`]))
  })
}

test('a redirect is looked up and judged like the first address', async (t) => {
  const url = `http://store.test/to?url=${encodeURIComponent('http://other.test/bundle')}`
  const { said, network } = await fetchInside(t, url, {
    names: { 'store.test': [[PUBLIC]], 'other.test': [[PUBLIC_TOO], ['127.0.0.1']] },
    listen: [
      [PUBLIC, 80],
      [PUBLIC_TOO, 80],
      ['127.0.0.1', 80],
    ],
  })
  assert.equal(said, 'installed')
  assert.deepEqual(network.asked, ['store.test', 'other.test'])
  assert.deepEqual(network.requested, [`${PUBLIC}:80 /to`, `${PUBLIC_TOO}:80 /bundle`])
})

test('what a public host answers is told, and a missing bundle is asked for once', async (t) => {
  const { said, network } = await fetchInside(t, `http://${PUBLIC}/404`)
  assert.equal(said, `BUNDLE_FETCH_FAILED: ${PUBLIC} answered 404 for the bundle.`)
  assert.deepEqual(network.requested, [`${PUBLIC}:80 /404`])
})

test('a name that does not exist is told like all else that keeps a bundle away', async (t) => {
  const { said, log } = await fetchInside(t, 'http://nowhere.test/bundle', { names: { 'nowhere.test': [] } })
  assert.equal(said, COULD_NOT)
  assert.match(log, /ENOTFOUND|EAI_AGAIN/)
})

test('the digest of what a public host sent is told', async (t) => {
  const { said } = await fetchInside(t, `http://${PUBLIC}/bundle`, { digest: '0'.repeat(64) })
  assert.equal(
    said,
    `BUNDLE_DIGEST_MISMATCH: The bundle's SHA-256 is ${sha256(ARCHIVE)}, not ${'0'.repeat(64)}.`,
  )
})

test('a network that the operator allows is used, and what its hosts answer is not told', async (t) => {
  const flags = ['--bundle-private-networks=10.0.0.0/8']
  const names = { 'store.test': [['10.1.2.3']] }
  const fetched = await fetchInside(t, 'http://store.test/bundle', { names, flags })
  assert.equal(fetched.said, 'installed')
  const missing = await fetchInside(t, 'http://store.test/404', { names, flags })
  assert.equal(missing.said, COULD_NOT)
  assert.match(missing.log, /answered 404/)
  const other = await fetchInside(t, 'http://store.test/bundle', {
    names: { 'store.test': [['127.0.0.1']] },
    flags,
  })
  assert.equal(other.said, COULD_NOT)
})

test('a host that is not public reveals nothing by redirecting', async (t) => {
  const flags = ['--bundle-private-networks=10.0.0.0/8']
  const names = { 'store.test': [['10.1.2.3']] }
  for (const target of ['ftp://elsewhere/', `http://${PUBLIC}/404`, 'http://store.test/to?url=x']) {
    const url = `http://store.test/to?url=${encodeURIComponent(target)}`
    const { said } = await fetchInside(t, url, { names, flags })
    assert.equal(said, COULD_NOT, target)
  }
})
