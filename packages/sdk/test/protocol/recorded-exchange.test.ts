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
import { recordedExchanges } from './recorded-exchange.ts'

suite('recorded exchanges', () => {
  const exchanges = recordedExchanges()

  test('there is one for each subprotocol', () => {
    assert.deepEqual([...new Set(exchanges.map(({ subprotocol }) => subprotocol))].sort(), [
      'cliscale.v1',
      'tty',
    ])
  })

  for (const { name, steps } of exchanges) {
    test(`every message of ${name} still means the same`, () => {
      for (const step of steps) {
        if ('close' in step) continue
        const { payload, message } = step
        if (step.from === 'client') {
          assert.deepEqual(decodeClientMessage(payload), message)
          assert.deepEqual(decodeClientMessage(encodeClientMessage(step.message)), message)
        } else {
          assert.deepEqual(decodeServerMessage(payload), message)
          assert.deepEqual(decodeServerMessage(encodeServerMessage(step.message)), message)
        }
      }
    })
  }

  for (const { name, steps } of exchanges.filter(({ subprotocol }) => subprotocol === 'cliscale.v1')) {
    test(`a terminal that meets the server of ${name} ends with all of its output`, async (t) => {
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
        if ('close' in step) {
          peer?.socket.close(step.from === 'client' ? 1012 : step.close.code)
          peer = undefined
          continue
        }
        peer ??= await server.accept()
        if (step.from === 'server') {
          if (step.message.type === 'output') expected.push(...step.message.data)
          peer.socket.send(step.payload)
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
