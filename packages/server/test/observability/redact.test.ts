import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createLog, type Log } from '../../src/observability/log.ts'
import { redactText } from '../../src/observability/redact.ts'

const canary = (): string => `canary${randomBytes(20).toString('base64url')}`

/** Everything that a log writes while `write` runs. */
function logged(write: (log: Log) => void, format: 'json' | 'pretty' = 'json'): string {
  const lines: string[] = []
  write(createLog({ level: 'trace', format, destination: { write: (line) => lines.push(line) } }))
  return lines.join('')
}

test('a log line shows no credential, wherever it stands', () => {
  const secret = canary()
  const jwt = `eyJhbGciOiJSUzI1NiJ9.${secret}.${secret}`
  const writers: ((log: Log) => void)[] = [
    (log) => log.info({ authorization: `Bearer ${secret}` }, 'x'),
    (log) => log.info({ headers: { cookie: `a=${secret}` } }, 'x'),
    (log) =>
      log.info(
        { req: { headers: { 'sec-websocket-protocol': `cliscale.v1, cliscale.bearer.${jwt}` } } },
        'x',
      ),
    (log) => log.info({ env: { TOKEN: secret } }, 'x'),
    (log) => log.info({ body: { secrets: { A: secret } } }, 'x'),
    (log) => log.info({ deep: [{ list: [{ token: secret }] }] }, 'x'),
    (log) => log.info(`the key csk_${secret} was used`),
    (log) => log.info({ url: `http://h/#code=${secret}` }, 'x'),
    (log) => log.info(`opened ${jwt}`),
    (log) => log.info({ text: `Authorization: Bearer ${secret}` }, 'x'),
    (log) => log.error({ err: new Error(`cannot reach postgresql://u:${secret}@host/db`) }, 'x'),
    (log) => log.error(new Error(`token csk_${secret}`)),
    (log) => log.error({ err: new Error('outer', { cause: new Error(`inner csk_${secret}`) }) }, 'x'),
    (log) => log.child({ token: secret }).info('x'),
    (log) => log.info('with %s', `csk_${secret}`),
    (log) => log.info('with %j', { token: secret }),
    (log) => log.error(new Error(`a csk_${secret}`), 'said'),
    (log) => log.info({ sealed: Buffer.from(secret) }, 'x'),
    (log) => log.info({ bytes: Buffer.from(secret) }, 'x'),
  ]
  for (const [index, write] of writers.entries())
    for (const format of ['json', 'pretty'] as const) {
      const text = logged(write, format)
      assert.ok(text.length > 0)
      assert.ok(!text.includes(secret), `line ${index} (${format}) wrote: ${text}`)
    }
})

test('what helps to find a fault stays: codes, numbers, names, sentences', () => {
  const text = logged((log) =>
    log.warn({ code: 'DATABASE_UNAVAILABLE', exit: { code: 127 }, n: 3, ok: true }, 'It broke'),
  )
  const line = JSON.parse(text) as Record<string, unknown>
  assert.equal(line.code, 'DATABASE_UNAVAILABLE')
  assert.deepEqual(line.exit, { code: 127 })
  assert.equal(line.level, 'warn')
  assert.equal(line.msg, 'It broke')
})

test('of what a library hangs on its errors only the kind is told, and the code of a database stays', () => {
  const secret = canary()
  class Connection {
    readonly secretKey = secret
    readonly stream = { host: '/run/postgres', of: this }
  }
  const error = Object.assign(new Error('terminating connection'), {
    code: '57P01',
    severity: 'FATAL',
    client: new Connection(),
    position: { line: 3 },
  })
  const line = logged((log) => log.warn({ err: error }, 'lost'))
  assert.ok(!line.includes(secret), line)
  const { err } = JSON.parse(line) as { err: Readonly<Record<string, unknown>> }
  assert.equal(err.client, '[Connection]')
  assert.equal(err.code, '57P01')
  assert.equal(err.severity, 'FATAL')
  assert.deepEqual(err.position, { line: 3 })
})

test('an object that contains itself is logged', () => {
  const loop: Record<string, unknown> = {}
  loop.self = loop
  assert.match(
    logged((log) => log.info({ loop }, 'x')),
    /\[cut\]/,
  )
})

test('ordinary text passes the redactor unchanged', () => {
  for (const text of [
    'GET /v1/sessions/ses_abc 200',
    'a bearer of news',
    'https://example.com/path?x=1',
    'csk_short',
  ])
    assert.equal(redactText(text), text)
})
