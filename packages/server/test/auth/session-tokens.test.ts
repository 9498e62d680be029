import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  importPKCS8,
  type JSONWebKeySet,
  jwtVerify,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import * as fc from 'fast-check'
import type { ErrorCode } from '@cliscale/sdk/protocol'
import { TokenIssuer, TokenVerifier } from '../../src/auth/session-tokens.ts'
import { toJwks } from '../../src/auth/signing-keys.ts'
import { CodedError } from '../../src/http/coded-error.ts'
import { openDatabase } from '../../src/store/database.ts'
import { signingKeysOf } from '../../src/store/signing-keys.ts'
import { KeyTable, keyRing } from '../support/signing.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type After = Parameters<typeof temporaryFolder>[0]

async function setUp(t: After) {
  const clock = { ms: Date.parse('2026-01-01T00:00:00Z') }
  const now = (): number => clock.ms
  const store = new KeyTable(now)
  const keys = keyRing(await temporaryFolder(t), { store, now })
  const issuer = new TokenIssuer({ keys, issuer: 'https://t.example', now })
  const verifier = new TokenVerifier({ store, issuer: 'https://t.example', now })
  return { clock, store, keys, issuer, verifier }
}

const request = { sessionId: 'ses_1', subject: 'ada', role: 'driver', ttlSeconds: 60 } as const

async function refused(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof CodedError && error.code === code)
}

test('a minted token verifies for its session and says who may do what', async (t) => {
  const { issuer, verifier } = await setUp(t)
  const { token, jti, expiresAt } = await issuer.mint(request)
  const claims = await verifier.verify(token, 'ses_1')
  assert.deepEqual(
    { sub: claims.sub, sid: claims.sid, role: claims.role, jti: claims.jti, life: claims.exp - claims.iat },
    { sub: 'ada', sid: 'ses_1', role: 'driver', jti, life: 60 },
  )
  assert.equal(expiresAt.getTime(), claims.exp * 1_000)
})

test('any JWT library can verify a token with the published keys', async (t) => {
  const { clock, store, issuer } = await setUp(t)
  const { token } = await issuer.mint(request)
  const jwks = createLocalJWKSet(JSON.parse(JSON.stringify(toJwks(await store.list()))) as JSONWebKeySet)
  const { payload } = await jwtVerify(token, jwks, {
    algorithms: ['RS256'],
    typ: 'cliscale-session+jwt',
    audience: 'cliscale-gateway',
    issuer: 'https://t.example',
    currentDate: new Date(clock.ms),
  })
  assert.equal(payload.sid, 'ses_1')
})

test('published keys hold no private part', async (t) => {
  const { store, issuer } = await setUp(t)
  await issuer.mint(request)
  const [key] = toJwks(await store.list()).keys
  assert.deepEqual(Object.keys(key ?? {}).toSorted(), ['alg', 'e', 'kid', 'kty', 'n', 'use'])
})

test('a token for another session, or of another server, is invalid', async (t) => {
  const { store, issuer, verifier } = await setUp(t)
  const { token } = await issuer.mint(request)
  await refused('TOKEN_INVALID', verifier.verify(token, 'ses_2'))
  await refused(
    'TOKEN_INVALID',
    new TokenVerifier({ store, issuer: 'https://other.example' }).verify(token, 'ses_1'),
  )
})

test('a token is expired from its last second on', async (t) => {
  const { clock, issuer, verifier } = await setUp(t)
  const { token } = await issuer.mint(request)
  clock.ms += 59_999
  await verifier.verify(token, 'ses_1')
  clock.ms += 1
  await refused('TOKEN_EXPIRED', verifier.verify(token, 'ses_1'))
})

test('a token from the future or for too long is invalid, however well signed', async (t) => {
  const { clock, keys, store, verifier } = await setUp(t)
  const early = await new TokenIssuer({
    keys,
    issuer: 'https://t.example',
    now: () => clock.ms + 60_000,
  }).mint(request)
  await refused('TOKEN_INVALID', verifier.verify(early.token, 'ses_1'))
  const kid = (await store.list())[0]?.kid ?? ''
  const iat = Math.floor(clock.ms / 1_000)
  const claims = {
    iss: 'https://t.example',
    aud: 'cliscale-gateway',
    sub: 'a',
    sid: 'ses_1',
    role: 'driver',
    jti: 'x',
  }
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = encode({ alg: 'RS256', typ: 'cliscale-session+jwt', kid })
  const signed = `${head}.${encode({ ...claims, iat, exp: iat + 601 })}`
  const signature = await keys.sign(kid, Buffer.from(signed))
  await refused('TOKEN_INVALID', verifier.verify(`${signed}.${signature.toString('base64url')}`, 'ses_1'))
})

test('lives outside 5 to 600 seconds are not minted', async (t) => {
  const { issuer } = await setUp(t)
  for (const ttlSeconds of [0, 4, 601, Number.NaN])
    await assert.rejects(issuer.mint({ ...request, ttlSeconds }), RangeError)
})

test('other algorithms, types and keys are refused', async (t) => {
  const { clock, store, issuer, verifier } = await setUp(t)
  const { token } = await issuer.mint(request)
  const { kid = '' } = decodeProtectedHeader(token)
  const payload = await verifier.verify(token, 'ses_1')
  const claims = { ...payload }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const foreign = await importPKCS8(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'RS256')
  const publicPart = JSON.stringify((await store.list())[0]?.publicJwk)
  const sign = (header: { alg: string; typ: string; kid: string }, key: Parameters<SignJWT['sign']>[0]) =>
    new SignJWT(claims).setProtectedHeader(header).sign(key)
  const good = { alg: 'RS256', typ: 'cliscale-session+jwt', kid }
  const forged = [
    new UnsecuredJWT(claims).encode(),
    await sign({ ...good, alg: 'HS256' }, new TextEncoder().encode(publicPart)),
    await sign(good, foreign),
    await sign({ ...good, typ: 'JWT' }, foreign),
    await sign({ ...good, kid: 'unknown' }, foreign),
    token.replace(/^[^.]+/, Buffer.from(JSON.stringify({ ...good, alg: 'none' })).toString('base64url')),
  ]
  for (const wrong of forged) await refused('TOKEN_INVALID', verifier.verify(wrong, 'ses_1'))
  assert.ok(clock.ms)
})

test('a token with one changed character is refused', async (t) => {
  const { issuer, verifier } = await setUp(t)
  const { token } = await issuer.mint(request)
  // The last character of a 256-byte signature carries four bits only, so it may change without a change of the bytes.
  const position = fc.integer({ min: 0, max: token.length - 2 })
  const letter = fc.stringMatching(/^[A-Za-z0-9_.-]$/)
  await fc.assert(
    fc.asyncProperty(position, letter, async (at, character) => {
      fc.pre(token[at] !== character)
      await refused(
        'TOKEN_INVALID',
        verifier.verify(token.slice(0, at) + character + token.slice(at + 1), 'ses_1'),
      )
    }),
  )
})

test('any text is refused as an invalid token and never as another error', async (t) => {
  const { issuer, verifier } = await setUp(t)
  await issuer.mint(request)
  const part = fc.oneof(
    fc.string(),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
    fc.constant('x'.repeat(5_000)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 4 }), (parts) =>
      refused('TOKEN_INVALID', verifier.verify(parts.join('.'), 'ses_1')),
    ),
  )
})

test('keys are read once for many tokens, and again for a new key', async (t) => {
  const { clock, store, keys, issuer, verifier } = await setUp(t)
  const first = await issuer.mint(request)
  await verifier.verify(first.token, 'ses_1')
  const before = store.reads
  await Promise.all(Array.from({ length: 20 }, () => verifier.verify(first.token, 'ses_1')))
  assert.equal(store.reads, before)
  clock.ms += 30 * 86_400_000
  await keys.rotate()
  clock.ms += 600_000
  await keys.rotate()
  const second = await issuer.mint(request)
  assert.notEqual(decodeProtectedHeader(second.token).kid, decodeProtectedHeader(first.token).kid)
  await verifier.verify(second.token, 'ses_1')
})

test('tokens that name unknown keys do not make the server read the keys each time', async (t) => {
  const { clock, store, issuer, verifier } = await setUp(t)
  const { token } = await issuer.mint(request)
  await verifier.verify(token, 'ses_1')
  const [, body, signature] = token.split('.')
  const head = { alg: 'RS256', typ: 'cliscale-session+jwt', kid: 'other' }
  const wrong = [Buffer.from(JSON.stringify(head)).toString('base64url'), body, signature].join('.')
  clock.ms += 2_000
  const before = store.reads
  for (let i = 0; i < 10; i += 1) await refused('TOKEN_INVALID', verifier.verify(wrong, 'ses_1'))
  assert.equal(store.reads, before + 1)
})

test('a failed read of the keys is counted', async (t) => {
  const { issuer } = await setUp(t)
  const { token } = await issuer.mint(request)
  // Nothing listens on this port.
  const away = openDatabase({ connectionString: 'postgresql://nobody@127.0.0.1:1/none' })
  t.after(() => away.close())
  const verifier = new TokenVerifier({ store: signingKeysOf(away), issuer: 'https://t.example' })
  await refused('DATABASE_UNAVAILABLE', verifier.refresh())
  await refused('DATABASE_UNAVAILABLE', verifier.verify(token, 'ses_1'))
  assert.deepEqual([verifier.refreshFailures, verifier.keyCount], [2, 0])
})
