import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { WebSocket } from 'ws'
import {
  CLIENT_OPCODES,
  decodeServerMessage,
  type ReadyMessage,
  type ServerMessage,
} from '../../src/protocol/index.ts'
import { toUtf8 } from '../../src/protocol/text.ts'
import { waitFor } from '../support/wait-for.ts'
import type { RecordedExchange, RecordedStep } from './recorded-exchange.ts'

/** The shell script of every recorded exchange. */
export const RECORDED_SCRIPT =
  'stty -echo; printf "grüße\\033[1m\\377\\n"; while read line; do echo "$line $(stty size)"; [ "$line" = bye ] && exit 5; done'

/**
 * Plays the client's side of a recorded exchange, byte for byte, to a server of today, and asserts that it says the
 * same: output, resume modes, input acknowledged, size, exit and close. Only the epoch, which is random, is put in anew.
 *
 * `open` makes a socket that offers the exchange's subprotocol on a session that runs {@link RECORDED_SCRIPT}.
 */
export async function replayToServer(
  exchange: RecordedExchange,
  open: () => Promise<WebSocket> | WebSocket,
): Promise<void> {
  const now: ServerMessage[] = []
  const recorded: ServerMessage[] = []
  let socket: WebSocket | undefined
  let connection = 0
  for (const step of exchange.steps) {
    if (step.connection !== connection) {
      connection = step.connection
      socket = await open()
      socket.on('message', (data: Buffer) => now.push(decodeServerMessage(new Uint8Array(data))))
      await once(socket, 'open')
    }
    if ('message' in step && step.from === 'server') recorded.push(step.message)
    else await act(step, { socket, now, recorded })
  }
  assert.deepEqual(essence(now), essence(recorded))
}

interface Scene {
  readonly socket: WebSocket | undefined
  readonly now: readonly ServerMessage[]
  readonly recorded: readonly ServerMessage[]
}

/** The client's turn comes once everything that it had seen by then has come again. */
async function act(step: RecordedStep, { socket, now, recorded }: Scene): Promise<void> {
  const expected = JSON.stringify(essence(recorded))
  const { output } = essence(recorded)
  const caughtUp = (): boolean =>
    essence(now).output.length >= output.length && essence(now).ready.length >= essence(recorded).ready.length
  if ('close' in step && step.from === 'server') {
    if (socket?.readyState !== 3) {
      const [code] = (await once(socket as WebSocket, 'close')) as [number]
      assert.equal(code, step.close.code)
    }
    return
  }
  await waitFor(`what was said: ${expected}`, caughtUp)
  if ('close' in step) {
    socket?.close(step.close.code)
    await once(socket as WebSocket, 'close')
  } else if (step.from === 'client') socket?.send(withEpoch(step.payload, now))
}

function withEpoch(payload: Uint8Array, now: readonly ServerMessage[]): Uint8Array {
  const ready = now.find((message): message is ReadyMessage => message.type === 'ready')
  if (payload[0] !== CLIENT_OPCODES.hello || ready === undefined) return payload
  return toUtf8(new TextDecoder().decode(payload).replace(/"epoch":"[^"]+"/, `"epoch":"${ready.epoch}"`))
}

/** What must be the same whenever it is said; how output is cut into messages, and phases, may differ. */
function essence(messages: readonly ServerMessage[]): {
  output: string
  ready: unknown[]
  exit: unknown
  heartbeats: number
} {
  const of = <T extends ServerMessage['type']>(type: T): Extract<ServerMessage, { type: T }>[] =>
    messages.filter((message): message is Extract<ServerMessage, { type: T }> => message.type === type)
  return {
    output: Buffer.concat(of('output').map(({ data }) => data)).toString('latin1'),
    ready: of('ready').map(({ epoch: _epoch, replayBytes: _replayBytes, ...rest }) => rest),
    exit: of('exit')[0]?.exit,
    heartbeats: of('heartbeat').length,
  }
}
