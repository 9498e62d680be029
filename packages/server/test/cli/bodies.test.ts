import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { MAX_BODY_BYTES } from '@cliscale/sdk/protocol'
import { backwards } from '../support/backwards.ts'
import { callApi, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

/** Bodies, each with the code of its refusal and how often it is sent. */
const BODIES: readonly (readonly [code: string, body: string, times: number])[] = [
  ['UNKNOWN_FIELD', '{"x":1}', 300],
  ['MALFORMED_JSON', '{"x":', 100],
  ['BODY_TOO_LARGE', `{"x":"${'x'.repeat(MAX_BODY_BYTES)}"}`, 50],
  ['BODY_TOO_LARGE', `{"x":"${'x'.repeat(80 * MAX_BODY_BYTES)}"}`, 20],
]

for (const workers of [1, 2]) {
  test(`every refused body has its answer from ${workers} of --workers, also while it is still sent`, async (t) => {
    const cleanup = backwards(t)
    const server = await spawnServer(cleanup, { flags: [`--workers=${workers}`, '--spare-runners=0'] })
    await leaveWhileSending(server)
    for (const [code, body, times] of BODIES) {
      const codes = new Map<string, number>()
      for (let sent = 0; sent < times; sent += 1) {
        const answered = await codeOf(server, body)
        codes.set(answered, (codes.get(answered) ?? 0) + 1)
      }
      assert.deepEqual([...codes], [[code, times]], `${body.length} bytes`)
    }
    const created = await callApi(server, { method: 'POST', path: '/v1/sessions', body: { command: 'true' } })
    assert.equal(created.status, 201)
    assert.doesNotMatch(server.output(), /A request failed/)
  })
}

/** A client that goes away before the end of its body, which is nobody's fault. */
async function leaveWhileSending({ baseUrl, apiKey }: SpawnedServer): Promise<void> {
  const { hostname, port } = new URL(baseUrl)
  const socket = connect({ host: hostname, port: Number(port) })
  const head = [
    'POST /v1/sessions HTTP/1.1',
    `Host: ${hostname}`,
    `Authorization: Bearer ${apiKey}`,
    'Content-Type: application/json',
    'Content-Length: 1000',
    'Expect: 100-continue',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  await once(socket, 'data')
  socket.write('{"command":')
  socket.destroy()
}

async function codeOf({ baseUrl, apiKey }: SpawnedServer, body: string): Promise<string> {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${apiKey}` }
  const answer = await fetch(`${baseUrl}/v1/sessions`, { method: 'POST', headers, body })
  const { error } = (await answer.json()) as { error: { code: string } }
  return error.code
}
