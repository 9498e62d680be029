import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Clients } from '../../src/http/client.ts'
import { startApp } from '../support/http-app.ts'
import { waitFor } from '../support/wait-for.ts'

async function open(t: TestContext, port: number, bytes = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  if (bytes !== '') socket.write(bytes)
  return socket.resume()
}

const GET = 'GET /slow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
const BODY_THAT_DOES_NOT_COME =
  'POST /slow HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{'

for (const [what, connections] of [
  ['in all', { max: 3, maxPerAddress: 100 }],
  ['of one address', { max: 100, maxPerAddress: 3 }],
] as const)
  test(`one connection more ${what} takes the place of one that does nothing, never of one at work`, async (t) => {
    const { promise: held, resolve: finish } = Promise.withResolvers<void>()
    let asked = 0
    const { port, url } = await startApp(
      t,
      (app) => {
        app.get('/slow', async () => {
          asked += 1
          await held
          return 'done'
        })
        app.post('/slow', async () => 'never')
        app.get('/quick', async () => 'quick')
      },
      { connections },
    )
    t.after(() => finish())
    const working = await open(t, port, GET)
    const idle = await open(t, port)
    const slow = await open(t, port, BODY_THAT_DOES_NOT_COME)
    await waitFor(() => asked === 1, { what: 'the request' })
    assert.equal(await (await fetch(`${url}/quick`, { headers: { connection: 'close' } })).text(), 'quick')
    await waitFor(() => idle.closed, { what: 'the end of the idle one' })
    assert.equal(slow.closed, false)
    await open(t, port)
    await open(t, port)
    await waitFor(() => slow.closed, { what: 'the end of the one that does not send its body' })
    assert.equal(working.closed, false)
    // Three at work leave no place.
    const busy = [await open(t, port, GET), await open(t, port, GET)]
    await waitFor(() => asked === 3, { what: 'three requests at work' })
    const refused = await open(t, port)
    await waitFor(() => refused.closed, { what: 'the end of the new one' })
    for (const socket of [working, ...busy]) assert.equal(socket.closed, false)
    const answers = [working, ...busy].map(async (socket) => String((await once(socket, 'data'))[0]))
    finish()
    for (const answer of await Promise.all(answers)) assert.match(answer, /^HTTP\/1\.1 200 /)
  })

test('connections of a trusted proxy count for the client of their present request', async (t) => {
  const { promise: held, resolve: finish } = Promise.withResolvers<void>()
  t.after(() => finish())
  let asked = 0
  const { port } = await startApp(
    t,
    (app) => {
      app.get('/slow', async () => {
        asked += 1
        await held
        return 'done'
      })
    },
    { connections: { max: 100, maxPerAddress: 2 }, clients: new Clients(['127.0.0.1']) },
  )
  const of = (address: string): string => GET.replace('\r\n\r\n', `\r\nX-Forwarded-For: ${address}\r\n\r\n`)
  const spoofed = of('198.51.100.1, 203.0.113.1')
  const idle = await Promise.all(Array.from({ length: 5 }, () => open(t, port)))
  const busy = [await open(t, port, of('203.0.113.1')), await open(t, port, spoofed)]
  await waitFor(() => asked === 2, { what: 'two requests of one client' })
  const third = await open(t, port, of('203.0.113.1'))
  assert.match(String((await once(third, 'data'))[0]), /^HTTP\/1\.1 503 /)
  const other = await open(t, port, of('203.0.113.2'))
  await waitFor(() => asked === 3, { what: 'a request of another client' })
  for (const socket of [...idle, ...busy, other]) assert.equal(socket.closed, false)
  const answers = busy.map((socket) => once(socket, 'data'))
  finish()
  await Promise.all(answers)
  // What is answered is nobody's any more.
  for (const socket of busy) socket.write(of('203.0.113.2'))
  await waitFor(() => asked === 5, { what: 'the next requests of those connections' })
})
