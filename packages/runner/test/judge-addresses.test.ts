import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isPublic } from '../src/bundle/addresses.ts'
import { type AllowedHosts, HostRules } from '../src/bundle/allowed-hosts.ts'
import { BundleError } from '../src/bundle/bundle-error.ts'
import { NetworkFault } from '../src/bundle/network-fault.ts'
import { PLAIN_WORLD } from '../src/bundle/outside-world.ts'
import { findRoute } from '../src/bundle/route.ts'

const NONE: AllowedHosts = { httpHosts: [], privateNetworks: [] }

/** First and last address of what is not public, and the nearest that are. */
const NOT_PUBLIC = [
  '0.0.0.0',
  '0.255.255.255',
  '10.0.0.0',
  '10.255.255.255',
  '100.64.0.0',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.255',
  '169.254.0.0',
  '169.254.169.254',
  '169.254.255.255',
  '172.16.0.0',
  '172.31.255.255',
  '192.0.0.0',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.0',
  '192.168.255.255',
  '198.18.0.0',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '168.63.129.16',
  '100.100.100.200',
  '::',
  '::1',
  '::7f00:1',
  'fc00::',
  'fdff::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'fec0::1',
  'ff02::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '3fff::1',
  '5f00::1',
  '64:ff9b:1::808:808',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:0:7f00:1',
  '64:ff9b::10.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '2002:7f00:1::',
  '2002:0a00:0001::1',
  '2002:a9fe:a9fe::1',
  '',
  'localhost',
  '127.1',
  '0x7f000001',
  '1.2.3',
  '08.8.8.8',
]

const PUBLIC = [
  '1.0.0.0',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '168.63.129.17',

  '2001:4860:4860::8888',
  '2606:4700::1',
  '2a00:1450::1',
  '2003::1',
  '64:ff9b::8.8.8.8',
  '::ffff:8.8.8.8',
  '2002:808:808::1',
]

test('of addresses only those of the public internet are public, in whatever form they are written', () => {
  assert.deepEqual(NOT_PUBLIC.filter(isPublic), [])
  assert.deepEqual(
    PUBLIC.filter((address) => !isPublic(address)),
    [],
  )
})

async function verdict(url: string, allowed: AllowedHosts = NONE, world = PLAIN_WORLD): Promise<string> {
  const rules = new HostRules(allowed)
  const { signal } = new AbortController()
  try {
    const { told } = await findRoute(rules.url(url), { rules, world, signal })
    return told ? 'told' : 'allowed'
  } catch (error) {
    if (error instanceof NetworkFault) return error.reason
    if (error instanceof BundleError) return error.failure.code
    throw error
  }
}

const ODD_FORMS: readonly (readonly [url: string, address: string])[] = [
  ['https://2130706433/', '127.0.0.1'],
  ['https://0x7f000001/', '127.0.0.1'],
  ['https://0x7f.0.0.1/', '127.0.0.1'],
  ['https://0177.0.0.1/', '127.0.0.1'],
  ['https://017700000001/', '127.0.0.1'],
  ['https://127.1/', '127.0.0.1'],
  ['https://127.0.1/', '127.0.0.1'],
  ['https://0/', '0.0.0.0'],
  ['https://127.0.0.1./', '127.0.0.1'],
  ['https://127.0.0.1:8443/', '127.0.0.1'],
  ['https://%31%32%37.0.0.1/', '127.0.0.1'],
  ['https://１２７.0.0.1/', '127.0.0.1'],
  ['https://127。0。0。1/', '127.0.0.1'],
  ['https://①②⑦.0.0.1/', '127.0.0.1'],
  ['https:\\\\127.0.0.1/', '127.0.0.1'],
  ['https:/127.0.0.1/', '127.0.0.1'],
  ['https:127.0.0.1/', '127.0.0.1'],
  [' https://127.0.0.1/', '127.0.0.1'],
  ['https://127.0.0.1\t/', '127.0.0.1'],
  ['https://10.0.0.1/', '10.0.0.1'],
  ['https://0xa9fea9fe/latest/', '169.254.169.254'],
  ['https://2852039166/', '169.254.169.254'],
  ['https://[::1]/', '::1'],
  ['https://[::]/', '::'],
  ['https://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
  ['https://[::ffff:169.254.169.254]/', '::ffff:a9fe:a9fe'],
  ['https://[64:ff9b::10.0.0.1]/', '64:ff9b::a00:1'],
  ['https://[2002:7f00:1::]/', '2002:7f00:1::'],
  ['https://[fd00:ec2::254]/', 'fd00:ec2::254'],
  ['https://[0:0:0:0:0:0:0:1]/', '::1'],
]

for (const [url, address] of ODD_FORMS) {
  test(`${JSON.stringify(url)} is judged as ${address}`, async () => {
    assert.equal(await verdict(url), `the address ${address} is not allowed`)
  })
}

test('localhost is this machine under all of its names', async () => {
  for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'LocalHost.:8443', 'ｌｏｃａｌｈｏｓｔ']) {
    assert.match(await verdict(`https://${host}/`), /^the address (?:127\.0\.0\.1|::1) is not allowed$/, host)
  }
})

const NOT_URLS = [
  '',
  'bundle.tgz',
  '//host/x',
  'https://',
  'https://[fe80::1%25eth0]/',
  'https://256.0.0.1/',
  'https://1.2.3.4.5/',
  'https://a b/',
  'https://host:99999/',

  'https://user@8.8.8.8/',
  'https://user:password@8.8.8.8/',
  'https://:p@8.8.8.8/',
  'https://8.8.8.8@127.0.0.1/',

  'https://8.8.8.8%40127.0.0.1/',
  'http://8.8.8.8/',
  'ftp://8.8.8.8/',
  'file:///etc/passwd',
  'data:,x',
  'blob:x',
  'ws://8.8.8.8/',
  'javascript:0',
]

test('what is no address, has a user name, or is neither https nor http that was allowed, is refused', async () => {
  for (const url of NOT_URLS) assert.equal(await verdict(url), 'BUNDLE_REFUSED', url)
})

test('a literal public address is told', async () => {
  assert.equal(await verdict('https://8.8.8.8/'), 'told')
  assert.equal(await verdict('https://134744072/'), 'told')
  assert.equal(await verdict('https://[2606:4700::1]/'), 'told')
})

test('a host for http that is named by its address may be private, with its port if it has one', async () => {
  const allowed = {
    ...NONE,
    httpHosts: ['127.0.0.1:8080', '10.0.0.1', '[::1]:81', 'fd00::1', 'localhost:82', '10.0.0.2:80'],
  }
  for (const url of [
    'http://127.0.0.1:8080/',
    'http://10.0.0.1/',
    'http://10.0.0.1:99/',
    'https://10.0.0.1/',
    'http://[::1]:81/',

    'http://[fd00::1]:5/',
    'http://localhost:82/',
    'http://0x7f.1:8080/',
    'http://10.0.0.2/',
    'http://10.0.0.2:80/',
  ]) {
    assert.equal(await verdict(url, allowed), 'allowed', url)
  }
  assert.equal(await verdict('http://127.0.0.1/', allowed), 'BUNDLE_REFUSED')
  assert.equal(await verdict('http://localhost/', allowed), 'BUNDLE_REFUSED')
  assert.equal(await verdict('http://10.0.0.2:81/', allowed), 'BUNDLE_REFUSED')
  assert.equal(await verdict('https://10.0.0.2/', allowed), 'the address 10.0.0.2 is not allowed')
  assert.equal(await verdict('https://127.0.0.1/', allowed), 'the address 127.0.0.1 is not allowed')
})

test('networks that the operator allows hold their addresses in every form', async () => {
  const allowed = { ...NONE, privateNetworks: ['10.0.0.0/8', 'fd00::/8'] }
  for (const host of ['10.1.2.3', '167838211', '[::ffff:10.1.2.3]', '[64:ff9b::10.1.2.3]', '[fd12::1]']) {
    assert.equal(await verdict(`https://${host}/`, allowed), 'allowed', host)
  }
  for (const host of ['11.0.0.1', '8.8.8.8'])
    assert.equal(await verdict(`https://${host}/`, allowed), 'told', host)
  for (const host of ['192.168.0.1', '127.0.0.1', '[::1]', '[fc00::1]', '169.254.169.254']) {
    assert.match(await verdict(`https://${host}/`, allowed), /is not allowed$/, host)
  }
})

test('with a proxy an address in the URL is judged all the same, and a name is left to the proxy', async () => {
  const world = {
    ...PLAIN_WORLD,
    httpsProxy: 'http://proxy.test:3128',
    noProxy: 'localhost, .inside.test, 10.0.0.0/8',
  }
  for (const host of ['127.0.0.1', '169.254.169.254', '[::1]', '10.0.0.1']) {
    assert.match(await verdict(`https://${host}/`, NONE, world), /is not allowed$/, host)
  }
  assert.match(await verdict('https://a.localhost/', NONE, world), /is not allowed$/)
  assert.match(await verdict('https://localhost/', NONE, world), /is not allowed$/)
  assert.equal(await verdict('https://store.test/', NONE, world), 'allowed')
  assert.equal(await verdict('https://8.8.8.8/', NONE, world), 'told')
})
