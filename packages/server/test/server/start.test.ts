import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

test('a started server answers, runs a session and closes twice without complaint', async (t) => {
  const { baseUrl, call, server } = await startTestServer(t)
  assert.equal((await fetch(`${baseUrl}/healthz`)).status, 200)
  const created = await call('POST', '/v1/sessions', { command: 'true' })
  assert.equal(created.status, 201)
  const { session } = (await created.json()) as { session: { id: string } }
  await waitFor(
    async () => {
      const found = (await (await call('GET', `/v1/sessions/${session.id}`)).json()) as { state: string }
      return found.state === 'ended'
    },
    { what: 'the session to end' },
  )
  await Promise.all([server.close(), server.close()])
  await server.close()
  await assert.rejects(fetch(`${baseUrl}/healthz`))
})
