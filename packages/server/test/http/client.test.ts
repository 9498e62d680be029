import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Client, Clients } from '../../src/http/client.ts'

const PROXIES = ['10.0.0.0/8', '192.0.2.7', 'fd00::/8']

function clientOf(
  peer: string | undefined,
  headers: IncomingHttpHeaders,
  clients = new Clients(PROXIES),
): Client {
  return clients.of({ headers, socket: { remoteAddress: peer } as Socket })
}

const SPOOFED = {
  host: 'own.example:7680',
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example',
}

test('what a peer that is no trusted proxy says of itself is not believed', () => {
  for (const peer of ['198.51.100.1', '192.0.2.8', '::1', '2001:db8::1', '::ffff:198.51.100.1'])
    assert.deepEqual(clientOf(peer, SPOOFED), {
      address: peer.replace('::ffff:', ''),
      protocol: 'http',
      host: 'own.example:7680',
    })
  // By default nobody is.
  assert.equal(clientOf('10.0.0.1', SPOOFED, new Clients()).address, '10.0.0.1')
  assert.equal(clientOf(undefined, SPOOFED).address, '')
})

test('a trusted proxy says who it speaks for: the rightmost address that is none of them', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.9, 10.9.9.9,192.0.2.7', '203.0.113.9'],
    ['fd00::1', '10.0.0.5, 203.0.113.9, fd00::2', '203.0.113.9'],
    ['10.0.0.1', '2001:db8::5', '2001:db8::5'],
    ['10.0.0.1', '[2001:db8::5]:443', '2001:db8::5'],
    ['10.0.0.1', '203.0.113.9:51000', '203.0.113.9'],
    // Nothing but proxies: the furthest of them asked itself.
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    // What cannot be read ends the chain at who passed it on.
    ['10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9, <script>, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '', '10.0.0.1'],
  ]
  for (const [peer, header, address] of cases)
    assert.equal(clientOf(peer, { 'x-forwarded-for': header }).address, address, header)
})

test('protocol and host come from the nearest proxy, and only http and https are protocols', () => {
  const of = (headers: IncomingHttpHeaders): Client =>
    clientOf('10.0.0.1', { host: 'own.example', ...headers })
  assert.deepEqual(
    [of({ 'x-forwarded-proto': 'http, https' }).protocol, of({ 'x-forwarded-proto': 'HTTPS' }).protocol],
    ['https', 'https'],
  )
  for (const proto of ['', 'wss', 'javascript', 'https, ', 'file'])
    assert.equal(of({ 'x-forwarded-proto': proto }).protocol, 'http', proto)
  assert.equal(of({ 'x-forwarded-host': 'evil.example, app.example' }).host, 'app.example')
  assert.equal(of({ 'x-forwarded-host': '' }).host, 'own.example')
  assert.equal(of({ forwarded: 'for=203.0.113.9;proto=https;host=evil.example' }).host, 'own.example')
})

test('whatever stands in the headers, the address is one, and nothing to the left of a stranger counts', () => {
  const entry = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.constantFrom('10.0.0.2', '192.0.2.7', 'unknown', '-'),
  )
  fc.assert(
    fc.property(
      fc.array(entry),
      fc.ipV4(),
      fc.array(fc.constantFrom('10.1.1.1', 'fd00::3')),
      (left, at, right) => {
        fc.pre(!new Clients(PROXIES).trusts(at))
        const header = [...left, at, ...right].join(', ')
        assert.equal(clientOf('10.0.0.1', { 'x-forwarded-for': header }).address, at)
        const any = clientOf('10.0.0.1', { 'x-forwarded-for': left.join(',') })
        assert.notEqual(isIP(any.address), 0)
      },
    ),
  )
})
