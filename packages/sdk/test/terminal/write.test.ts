import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import * as fc from 'fast-check'
import { CliscaleError, connectTerminal, defaultReconnectPolicy, type Terminal } from '../../src/index.ts'
import { MAX_CLIENT_FRAME_BYTES, MAX_UNACKED_INPUT_BYTES } from '../../src/protocol/index.ts'
import { InputQueue } from '../../src/terminal/input-queue.ts'
import { TokenSource } from '../../src/token-source.ts'
import { READY, type ScriptedServer, scriptedServer } from '../support/scripted-server.ts'
import { waitFor, within } from '../support/wait-for.ts'

function open(t: TestContext, server: ScriptedServer): Terminal {
  const terminal = connectTerminal({
    url: server.url,
    tokenSource: TokenSource.custom(() => 'token'),
    reconnect: defaultReconnectPolicy({ baseMs: 1, capMs: 5 }),
  })
  t.after(() => terminal.close())
  return terminal
}

const refused = (code: string) => (error: unknown) => error instanceof CliscaleError && error.code === code
const text = (data: Uint8Array): string => new TextDecoder().decode(data)

suite('write', () => {
  test('input before the terminal is there is sent when it is', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    await within('acceptance', terminal.write('ls\n'))
    const peer = await server.accept()
    await peer.hello()
    peer.send(READY)
    assert.equal(text((await peer.next('input')).data), 'ls\n')
  })

  test('after a reconnect exactly the bytes that did not arrive are sent again', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const first = await server.accept()
    first.send(READY)
    await within('ready', terminal.ready)
    await terminal.write('0123456789')
    await first.next('input')
    first.send({ type: 'inputAck', offset: 3 })
    await terminal.write('ab')
    await first.next('input')
    first.socket.terminate()
    await terminal.write('cd')
    const second = await server.accept()
    assert.equal((await second.hello()).input, 3)
    second.send({ ...READY, mode: 'delta', inputOffset: 7 })
    let received = ''
    while (received.length < 7) received += text((await second.next('input')).data)
    assert.equal(received, '789abcd')
  })

  test('a write larger than the bound waits for acknowledgements and is cut to frames', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const peer = await server.accept()
    peer.send(READY)
    const data = new Uint8Array(300_000).map((_value, index) => index)
    let accepted = false
    const write = terminal.write(data).then(() => {
      accepted = true
    })
    const received: number[] = []
    while (received.length < data.length) {
      const { data: part } = await peer.next('input')
      assert.ok(part.length < MAX_CLIENT_FRAME_BYTES)
      for (const byte of part) received.push(byte)
      assert.ok(!accepted || received.length + MAX_UNACKED_INPUT_BYTES >= data.length)
      peer.send({ type: 'inputAck', offset: received.length })
    }
    await within('acceptance', write)
    assert.deepEqual(Uint8Array.from(received), data)
  })

  test('what waits is refused beyond a megabyte, and when the terminal ends', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const waiting = terminal.write(new Uint8Array(2_000_000))
    await assert.rejects(terminal.write('more'), refused('INPUT_OVERFLOW'))
    await terminal.close()
    await assert.rejects(waiting, refused('CLOSED'))
    await assert.rejects(terminal.write('x'), refused('CLOSED'))
  })

  test('only the driver writes; taking control makes the terminal the driver', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const peer = await server.accept()
    peer.send({ ...READY, driver: false })
    await within('ready', terminal.ready)
    await assert.rejects(terminal.write('x'), refused('ROLE_REFUSED'))
    const control = terminal.takeControl()
    await peer.next('drive')
    peer.send({ type: 'size', columns: 80, rows: 24, driver: true, clients: 2 })
    await within('control', control)
    await terminal.write('mine')
    assert.equal(text((await peer.next('input')).data), 'mine')
  })

  test('an observer neither writes nor takes control', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const peer = await server.accept()
    peer.send({ ...READY, role: 'observer', driver: false })
    await within('ready', terminal.ready)
    await assert.rejects(terminal.write('x'), /only watch/)
    await assert.rejects(terminal.takeControl(), refused('ROLE_REFUSED'))
  })

  test('a burst of sizes is sent as its first and its last, and only by the driver', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const peer = await server.accept()
    peer.send(READY)
    await within('ready', terminal.ready)
    for (let columns = 81; columns <= 120; columns += 1) terminal.resize(columns, 30)
    assert.deepEqual(await peer.next('resize'), { type: 'resize', columns: 81, rows: 30 })
    assert.deepEqual(await peer.next('resize'), { type: 'resize', columns: 120, rows: 30 })
    peer.send({ type: 'size', columns: 120, rows: 30, driver: false, clients: 2 })
    await waitFor('the loss of control', () => !terminal.isDriver)
    terminal.resize(50, 10)
    peer.send({ type: 'size', columns: 100, rows: 30, driver: true, clients: 2 })
    assert.deepEqual(await peer.next('resize'), { type: 'resize', columns: 50, rows: 10 })
  })

  test('any writes, acknowledgements and reconnects: every byte arrives once and in order', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('write' as const), bytes: fc.nat({ max: 40_000 }) }),
        fc.record({
          do: fc.constant('acknowledge' as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        fc.record({
          do: fc.constant('reconnect' as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (script) => {
        const arrived: number[] = []
        const wire: Uint8Array[] = []
        const queue = new InputQueue((data) => wire.push(data))
        const deliver = (share: number): void => {
          const parts = wire.splice(0)
          for (const part of parts.slice(0, Math.ceil(parts.length * share))) arrived.push(...part)
        }
        let written = 0
        queue.open(0)
        for (const step of script) {
          if (step.do === 'write') {
            const data = Uint8Array.from({ length: step.bytes }, (_value, index) => (written + index) % 251)
            const before = written
            written += step.bytes
            queue.write(data).catch(() => {
              written = Math.min(written, before)
            })
          } else if (step.do === 'acknowledge') {
            deliver(1)
            assert.ok(
              queue.acknowledge(queue.acked + Math.floor((arrived.length - queue.acked) * step.share)),
            )
          } else {
            deliver(step.share)
            queue.close()
            wire.length = 0
            assert.ok(queue.open(arrived.length))
          }
        }
        for (let last = -1; last < arrived.length;) {
          last = arrived.length
          deliver(1)
          queue.acknowledge(arrived.length)
          if (wire.length > 0) last = -1
        }
        arrived.forEach((byte, index) => assert.equal(byte, index % 251))
        assert.ok(!queue.inFlight)
        assert.ok(arrived.length <= written)
      }),
      { numRuns: 200 },
    )
  })
})
