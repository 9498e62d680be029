import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'

import { type OutsideWorld, PLAIN_WORLD } from '../src/bundle/outside-world.ts'
import { proxyFor } from '../src/bundle/proxy.ts'
import { tarOf } from './support/archives.ts'
import { serve, sha256 } from './support/install-here.ts'
import { type Certificates, makeCertificates } from './support/make-certificates.ts'
import { openProxy } from './support/open-proxy.ts'
import { startRunner } from './support/start-runner.ts'

const ARCHIVE = tarOf([{ path: 'bin/hello', content: '#!/bin/sh\necho hello\n' }])
const COULD_NOT = 'The bundle could not be downloaded.'
const LOOK_AROUND =
  'hello; env; tr "\\0" "\\n" < /proc/$PPID/environ; tr "\\0" "\\n" < /proc/$PPID/cmdline; ls -l /proc/$PPID/fd'

const folder = mkdtempSync(join(tmpdir(), 'certificates-'))
let certificates: Certificates

before(() => {
  certificates = makeCertificates(folder, ['DNS:store.test', 'DNS:localhost', 'IP:127.0.0.1'])
})
after(() => rmSync(folder, { recursive: true }))

async function serveTls(t: TestContext): Promise<string> {
  const { key, cert } = certificates
  const server = createServer({ key, cert }, (request, response) => {
    if (request.url === '/bundle') response.end(ARCHIVE)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Fetched {
  readonly said: string
  /** What the session's command printed. */
  readonly text: string
  readonly log: string
}

/** Lets a runner fetch a bundle as its operator's network wants it. */
async function fetchThrough(
  t: TestContext,
  url: string,
  world: Partial<OutsideWorld>,
  flags: readonly string[] = [],
): Promise<Fetched> {
  const file = join(mkdtempSync(join(folder, 'w-')), 'world.json')
  writeFileSync(file, JSON.stringify(world))
  const runner = await startRunner(t, { flags: [`--outside-world-file=${file}`, ...flags] })
  await runner.assignScript(LOOK_AROUND, { bundle: { url, sha256: sha256(ARCHIVE) } })
  const terminal = await runner.connect()
  const { failure } = await terminal.exited(60_000)
  const about = (name: string): string => readFileSync(`/proc/${runner.child.pid}/${name}`, 'latin1')
  assert.doesNotMatch(about('cmdline') + about('environ') + runner.log + terminal.text, /sesame/)
  return { said: failure?.message ?? 'installed', text: terminal.text, log: runner.log }
}

test('https goes through the operator’s proxy, with its password, which the session cannot see', async (t) => {
  const proxy = await openProxy(t, { target: await serveTls(t) })
  const world = { httpsProxy: `http://me:open%20sesame@${proxy.host}`, certificates: certificates.authority }
  const { said, text, log } = await fetchThrough(t, 'https://store.test/bundle', world)
  assert.equal(said, 'installed', log)
  assert.match(text, /hello/)
  assert.match(text, /CLISCALE_SESSION_ID=/)
  assert.deepEqual(proxy.requests, [{ line: 'CONNECT store.test:443', credentials: 'me:open sesame' }])
})

test('a proxy may be reached by TLS itself, and may be written without its scheme', async (t) => {
  const target = await serveTls(t)
  const secure = await openProxy(t, { target, tls: certificates })
  const world = { certificates: certificates.authority }
  const url = 'https://store.test/bundle'
  const first = await fetchThrough(t, url, { ...world, httpsProxy: `https://me:sesame@${secure.host}` })
  assert.equal(first.said, 'installed', first.log)
  assert.deepEqual(secure.requests, [{ line: 'CONNECT store.test:443', credentials: 'me:sesame' }])
  const plain = await openProxy(t, { target })
  const second = await fetchThrough(t, url, { ...world, httpsProxy: plain.host })
  assert.equal(second.said, 'installed', second.log)
  assert.deepEqual(plain.requests, [{ line: 'CONNECT store.test:443', credentials: undefined }])
})

test('http goes through the proxy for http', async (t) => {
  const proxy = await openProxy(t, { target: await serve(t, (_request, response) => response.end(ARCHIVE)) })
  const world = { httpProxy: `http://me:sesame@${proxy.host}`, httpsProxy: 'http://127.0.0.1:9' }
  const { said, log } = await fetchThrough(t, 'http://store.test/bundle', world, [
    '--bundle-http-hosts=store.test',
  ])
  assert.equal(said, 'installed', log)
  assert.deepEqual(proxy.requests, [{ line: 'GET http://store.test/bundle', credentials: 'me:sesame' }])
})

test('hosts of NO_PROXY are reached without it, and judged like any', async (t) => {
  const host = await serveTls(t)
  const proxy = await openProxy(t, { target: host })
  const world = {
    httpsProxy: `http://me:sesame@${proxy.host}`,
    noProxy: 'localhost,127.0.0.0/8',
    certificates: certificates.authority,
  }
  const allowed = ['--bundle-private-networks=127.0.0.0/8']
  const { said, log } = await fetchThrough(t, `https://${host}/bundle`, world, allowed)
  assert.equal(said, 'installed', log)
  const refused = await fetchThrough(t, `https://${host}/bundle`, world)
  assert.equal(refused.said, COULD_NOT)
  assert.match(refused.log, /the address 127\.0\.0\.1 is not allowed/)
  assert.deepEqual(proxy.requests, [])
})

test('an address in the URL that is not public never reaches the proxy', async (t) => {
  const proxy = await openProxy(t, { target: await serveTls(t) })
  const world = { httpsProxy: `http://${proxy.host}`, certificates: certificates.authority }
  for (const host of ['169.254.169.254', '127.0.0.1', '[::1]', 'localhost']) {
    const { said, log } = await fetchThrough(t, `https://${host}/bundle`, world)
    assert.equal(said, COULD_NOT)
    assert.match(log, /is not allowed/)
  }
  assert.deepEqual(proxy.requests, [])
})

test('what goes wrong at the proxy is told like any fault, and logged without its password', async (t) => {
  const url = 'https://store.test/bundle'
  const target = await serveTls(t)
  const refusing = await openProxy(t, { target, refuses: 407 })
  const forbidden = await fetchThrough(t, url, { httpsProxy: `http://me:sesame@${refusing.host}` })
  assert.equal(forbidden.said, COULD_NOT)
  assert.match(forbidden.log, /ERR_PROXY_TUNNEL with status 407/)
  const gone = await fetchThrough(t, url, { httpsProxy: 'http://me:sesame@127.0.0.1:9' })
  assert.equal(gone.said, COULD_NOT)
  assert.match(gone.log, /ECONNREFUSED/)
  const odd = await fetchThrough(t, url, { httpsProxy: 'socks5://me:sesame@127.0.0.1:9' })
  assert.equal(odd.said, COULD_NOT)
  assert.match(odd.log, /must begin with http/)
  const broken = await fetchThrough(t, url, { httpsProxy: 'http://me:sesame%zz@127.0.0.1:9' })
  assert.equal(broken.said, COULD_NOT)
  assert.match(broken.log, /the proxy's address cannot be used/)
})

test('what a host behind a proxy answers is not told: the proxy may have found it inside', async (t) => {
  const proxy = await openProxy(t, { target: await serveTls(t) })
  const world = { httpsProxy: `http://${proxy.host}`, certificates: certificates.authority }
  const { said, log } = await fetchThrough(t, 'https://store.test/missing', world)
  assert.equal(said, COULD_NOT)
  assert.match(log, /answered 404/)
})

test('an authority that the operator does not name is not trusted', async (t) => {
  const host = await serveTls(t)
  const allowed = ['--bundle-private-networks=127.0.0.0/8']
  const { said, log } = await fetchThrough(t, `https://${host}/bundle`, {}, allowed)
  assert.equal(said, COULD_NOT)
  assert.match(log, /UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT/)
  const broken = { certificates: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }
  const second = await fetchThrough(t, `https://${host}/bundle`, broken, allowed)
  assert.equal(second.said, COULD_NOT)
  assert.match(second.log, /the certificates of NODE_EXTRA_CA_CERTS or SSL_CERT_FILE cannot be used/)
})

const EXCEPTED: readonly (readonly [noProxy: string, url: string])[] = [
  ['*', 'https://store.test/'],
  ['store.test', 'https://store.test/'],
  ['other.test store.test', 'https://store.test./'],
  ['STORE.test', 'https://store.TEST/'],
  ['store.test:443', 'https://store.test/'],
  ['store.test:8443', 'https://store.test:8443/'],
  ['.test', 'https://store.test/'],
  ['.store.test', 'https://store.test/'],
  ['*.test', 'https://a.store.test/'],
  ['10.0.0.0/8', 'https://10.1.2.3/'],
  ['10.0.0.1-10.0.0.9', 'https://10.0.0.5/'],
  ['fd00::/8', 'https://[fd12::1]/'],
  ['fd12::1', 'https://[FD12:0::1]/'],
  ['[fd12::1]', 'https://[fd12::1]/'],
]

const NOT_EXCEPTED: readonly (readonly [noProxy: string, url: string])[] = [
  ['', 'https://store.test/'],
  [' , ,', 'https://store.test/'],
  ['store.test', 'https://my-store.test/'],
  ['store.test', 'https://a.store.test/'],
  ['.test', 'https://atest/'],
  ['*.store.test', 'https://store.test/'],
  ['store.test:8443', 'https://store.test/'],
  ['10.0.0.0/8', 'https://11.1.2.3/'],
  ['10.0.0.0/99', 'https://10.1.2.3/'],
  ['10.0.0.9-10.0.0.1', 'https://10.0.0.5/'],
  ['10.0.0.0/8', 'https://store.test/'],
]

test('NO_PROXY names hosts, domains, ports, networks and ranges', () => {
  const world = { ...PLAIN_WORLD, httpsProxy: 'http://proxy.test' }
  for (const [noProxy, url] of EXCEPTED) {
    assert.equal(proxyFor(new URL(url), { ...world, noProxy }), undefined, `${noProxy} of ${url}`)
  }
  for (const [noProxy, url] of NOT_EXCEPTED) {
    assert.equal(proxyFor(new URL(url), { ...world, noProxy }), 'http://proxy.test', `${noProxy} of ${url}`)
  }
})
