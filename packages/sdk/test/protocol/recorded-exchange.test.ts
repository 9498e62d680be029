import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { connectTerminal, defaultReconnectPolicy, TokenSource } from '../../src/index.ts'
import {
  decodeClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  encodeServerMessage,
} from '../../src/protocol/index.ts'
import { type Peer, scriptedServer } from '../support/scripted-server.ts'
import { waitFor, within } from '../support/wait-for.ts'
import { describeClientMessage, describeServerMessage } from './describe-message.ts'
import { fromHex, recordedExchanges, recordedLives } from './recorded-exchange.ts'

suite('recorded exchanges', () => {
  const exchanges = recordedExchanges()

  test('there is one for each subprotocol and for each message of cliscale.v1', () => {
    assert.deepEqual([...new Set(exchanges.map(({ subprotocol }) => subprotocol))].sort(), [
      'cliscale.v1',
      'tty',
    ])
    const opcodes = { client: new Set<string>(), server: new Set<string>() }
    for (const step of exchanges.flatMap(({ steps }) => steps)) {
      if ('hex' in step) opcodes[step.from].add(Buffer.from(step.hex.slice(0, 2), 'hex').toString())
    }
    assert.equal([...opcodes.client].sort().join(''), '0123ADH{')
    assert.equal([...opcodes.server].sort().join(''), '012EHKPRSXZ')
  })

  for (const { name, version, steps } of exchanges) {
    test(`every message of ${name} of version ${version} still means the same`, () => {
      for (const step of steps) {
        if (!('hex' in step)) continue
        const payload = fromHex(step.hex)
        if (step.from === 'client') {
          assert.deepEqual(decodeClientMessage(payload), step.message)
          assert.deepEqual(decodeClientMessage(encodeClientMessage(step.message)), step.message)
          assert.equal(describeClientMessage(step.message), step.meaning)
        } else {
          assert.deepEqual(decodeServerMessage(payload), step.message)
          assert.deepEqual(decodeServerMessage(encodeServerMessage(step.message)), step.message)
          assert.equal(describeServerMessage(step.message), step.meaning)
        }
      }
    })
  }

  for (const { version, steps } of recordedLives()) {
    test(`a terminal that meets the server of version ${version} ends with all of its output`, async (t) => {
      const server = await scriptedServer(t)
      const terminal = connectTerminal({
        url: server.url,
        tokenSource: TokenSource.custom(() => 'token'),
        reconnect: defaultReconnectPolicy({ baseMs: 1 }),
      })
      t.after(() => terminal.close())
      const collected = terminal.bytes()
      const expected: number[] = []
      let peer: Peer | undefined
      for (const step of steps) {
        if ('meanwhile' in step || 'lost' in step) continue
        if ('cut' in step) {
          peer?.socket.terminate()
          peer = undefined
          continue
        }
        if ('close' in step) {
          peer?.socket.close(step.close.code)
          continue
        }
        peer ??= await server.accept()
        if (step.from === 'server') {
          if (step.message.type === 'output') expected.push(...step.message.data)
          peer.socket.send(fromHex(step.hex))
          continue
        }
        if (step.message.type === 'hello') await peer.hello()
        if (step.message.type === 'resize') terminal.resize(step.message.columns, step.message.rows)
        if (step.message.type === 'input') {
          await within('ready', terminal.ready)
          await waitFor('the connection', () => terminal.state === 'connected')
          await terminal.write(step.message.data)
          await peer.next('input')
        }
      }
      assert.equal((await within('the exit', terminal.exited)).code, 5)
      assert.deepEqual([...(await within('the output', collected))], expected)
    })
  }
})
