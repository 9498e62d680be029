import { once } from 'node:events'
import { WebSocket } from 'ws'
import {
  CLISCALE_SUBPROTOCOL,
  decodeServerMessage,
  encodeClientMessage,
  type TerminalAccess,
} from '../../src/protocol/index.ts'
import { toUtf8 } from '../../src/protocol/text.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Meanwhile } from './recorded-exchange.ts'

/** The client that is not recorded: types, takes all output until a text shows, and leaves. */
export async function passTime(
  { types, until }: Meanwhile['meanwhile'],
  to: TerminalAccess | WebSocket,
): Promise<void> {
  const socket =
    to instanceof WebSocket
      ? to
      : new WebSocket(to.url, [CLISCALE_SUBPROTOCOL], { headers: { authorization: `Bearer ${to.token}` } })
  let parsed = 0
  let end = ''
  socket.on('message', (data: Buffer) => {
    const message = decodeServerMessage(new Uint8Array(data))
    if (message.type === 'ready') {
      parsed = message.offset
      socket.send(encodeClientMessage({ type: 'input', data: toUtf8(types) }))
    }
    if (message.type !== 'output') return
    parsed += message.data.length
    end = (end + Buffer.from(message.data).toString('latin1')).slice(-1_024)
    socket.send(encodeClientMessage({ type: 'credit', offset: parsed }))
  })
  await once(socket, 'open')
  const hello = { type: 'hello', v: 1, client: 'passing-by', columns: 80, rows: 24, input: 0 } as const
  socket.send(encodeClientMessage(hello))
  await waitFor(`the passing client sees ${until}`, () => end.includes(until))
  socket.close(1000)
  await once(socket, 'close')
}
