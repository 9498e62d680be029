import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { fastify } from 'fastify'
import { WebSocket } from 'ws'
import type { CreateSessionResponse, ErrorBody } from '@cliscale/sdk/protocol'
import { cliscale, type CliscaleOptions } from '../../src/index.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'

async function startApp(t: TestContext, options: CliscaleOptions = {}) {
  const cleanup = backwards(t)
  const { connectionString } = await testDatabase(cleanup)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const app = fastify()
  cleanup.after(() => app.close())
  app.setErrorHandler((_error, _request, reply) => reply.code(418).send({ mine: true }))
  app.get('/', async () => ({ app: 'mine' }))
  app.get('/fails', async () => {
    throw new Error('mine')
  })
  await app.register(cliscale, {
    databaseUrl: connectionString,
    dataDir,
    drainSeconds: 0,
    ...options,
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, url: `http://127.0.0.1:${port}` }
}

for (const prefix of ['/terminals', ''])
  test(`an app that mounts the plugin at "${prefix}" serves terminals and stays itself`, async (t) => {
    const { app, url } = await startApp(t, { prefix })
    const key = await app.cliscale.createApiKey('test')
    assert.deepEqual(await (await fetch(url)).json(), { app: 'mine' })
    assert.equal((await fetch(`${url}/fails`)).status, 418)
    const created = await fetch(`${url}${prefix}/v1/sessions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ command: 'sh', args: ['-c', 'echo from the mounted server; exit 3'] }),
    })
    assert.equal(created.status, 201)
    const { terminal } = (await created.json()) as CreateSessionResponse
    assert.ok(terminal.url.startsWith(`${url.replace('http', 'ws')}${prefix}/v1/sessions/`), terminal.url)
    const seen = await readTerminal(terminal.url, terminal.token)
    assert.match(seen, /from the mounted server/)
    assert.match(seen, /X\{"code":3/)
  })

test('the plugin answers with its own coded errors below its path only', async (t) => {
  const { url } = await startApp(t, { prefix: '/terminals' })
  const inside = await fetch(`${url}/terminals/v1/sessions`)
  assert.equal(((await inside.json()) as ErrorBody).error.code, 'UNAUTHENTICATED')
  const unknown = await fetch(`${url}/terminals/nothing`)
  assert.equal(((await unknown.json()) as ErrorBody).error.code, 'NOT_FOUND')
  assert.equal((await fetch(`${url}/v1/sessions`)).status, 404)
  const outside = (await (await fetch(`${url}/nothing`)).json()) as { error: unknown }
  assert.equal(outside.error, 'Not Found')
})

test('the app’s own sign-in decides who calls', async (t) => {
  const { url } = await startApp(t, {
    verifiers: [
      {
        verify: async ({ headers }) =>
          typeof headers['x-user'] === 'string'
            ? {
                subject: headers['x-user'],
                project: 'default',
                scopes: ['sessions:read', 'sessions:write'],
                actsForOthers: false,
                ambient: false,
              }
            : null,
      },
    ],
  })
  const created = await fetch(`${url}/v1/sessions`, { method: 'POST', headers: { 'x-user': 'ada' } })
  const { session } = (await created.json()) as CreateSessionResponse
  assert.equal(session.owner, 'ada')
  const other = await fetch(`${url}/v1/sessions/${session.id}`, { headers: { 'x-user': 'bob' } })
  assert.equal(((await other.json()) as ErrorBody).error.code, 'SESSION_NOT_FOUND')
})

test('upgrades for other paths reach the app’s own listener', async (t) => {
  const { app, url } = await startApp(t, { prefix: '/terminals' })
  app.server.on('upgrade', (request, socket) => {
    if (request.url === '/mine')
      socket.end('HTTP/1.1 418 Mine\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  const socket = new WebSocket(`${url.replace('http', 'ws')}/mine`)
  const [error] = (await once(socket, 'error')) as [Error]
  assert.match(error.message, /418/)
})

test('a wrong option is a sentence', async () => {
  const app = fastify()
  await assert.rejects(
    async () => app.register(cliscale, { spareRunners: -1 }),
    /CLISCALE_SPARE_RUNNERS must be/,
  )
  await app.close()
})

/** All messages of a terminal until it closes, as text. */
async function readTerminal(url: string, token: string): Promise<string> {
  const socket = new WebSocket(url, ['cliscale.v1', `cliscale.bearer.${token}`])
  const messages: string[] = []
  socket.on('message', (data: Buffer) => messages.push(data.toString('latin1')))
  await once(socket, 'open')
  socket.send(Buffer.from(JSON.stringify({ v: 1, client: 'test-client-0000000001', columns: 80, rows: 24 })))
  await once(socket, 'close')
  return messages.join('\n')
}
