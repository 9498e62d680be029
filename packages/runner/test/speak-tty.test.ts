import assert from 'node:assert/strict'
import { test } from 'node:test'

import { TTY_SUBPROTOCOL } from '@cliscale/sdk/protocol'

import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

test('a stock ttyd client gets title and preferences before any output, and no argument leaks', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(': topsecret; echo hi; read line; echo "got $line"')
  const terminal = await runner.connect({ protocol: TTY_SUBPROTOCOL, columns: 90, rows: 33 })
  await terminal.shows('hi')
  assert.ok(terminal.opcodes.startsWith('120'), terminal.opcodes)
  assert.deepEqual(terminal.messages.slice(0, 2), [
    { type: 'title', title: 'sh' },
    { type: 'preferences', preferences: {} },
  ])
  terminal.type('typed\r')
  await waitFor('the close', () => terminal.closed)
  assert.match(terminal.text, /got typed/)
  assert.equal(terminal.closed?.code, 1000)
  assert.match(terminal.opcodes, /^120+$/)
})

test('a ttyd resize reaches the program, and a viewer’s does not', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('read go; stty size; read go; stty size; sleep 100')
  const viewer = await runner.connect({ protocol: TTY_SUBPROTOCOL, role: 'observer', columns: 10, rows: 10 })
  const terminal = await runner.connect({ protocol: TTY_SUBPROTOCOL, columns: 90, rows: 33 })
  await waitFor('the titles', () => terminal.messages.length > 0 && viewer.messages.length > 0)
  viewer.send({ type: 'resize', columns: 11, rows: 11 })
  viewer.type('x\r')
  terminal.type('\r')
  await terminal.shows('33 90')
  terminal.send({ type: 'resize', columns: 44, rows: 22 })
  terminal.type('\r')
  await terminal.shows('22 44')
  assert.equal(viewer.closed, undefined)
})

test('a tty client that comes late gets the screen, not a replay of old questions', async (t) => {
  const runner = await startRunner(t)
  // Asks for the device attributes, long ago; then shows something.
  await runner.assignScript(`printf '\\033[cready'; read line; echo "read: $line"; sleep 100`)
  const first = await runner.connect()
  await first.shows('ready')
  first.cut()
  const terminal = await runner.connect({ protocol: TTY_SUBPROTOCOL })
  await terminal.shows('ready')
  assert.equal(terminal.text.includes('\x1b[c'), false)
})
