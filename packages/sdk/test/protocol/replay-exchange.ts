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
import { waitFor, within } from '../support/wait-for.ts'
import { passTime } from './pass-time.ts'
import {
  type ConnectionPlan,
  fromHex,
  type RecordedExchange,
  type RecordedStep,
} from './recorded-exchange.ts'

/**
 * Opens a socket that offers the exchange's subprotocol on a session that runs its script. `connection` counts from 1;
 * a plan without one is for a client that is not recorded.
 */
export type OpenConnection = (plan: ConnectionPlan, connection?: number) => Promise<WebSocket> | WebSocket

/**
 * Plays the clients' side of a recorded exchange, byte for byte, to a server of today, and asserts that it says the
 * same: output, resume modes, input acknowledged, size, driver, exit, errors and closes. Only the epoch, which is random,
 * is put in anew.
 */
export async function replayToServer(exchange: RecordedExchange, open: OpenConnection): Promise<void> {
  const scene = new Scene(exchange, open)
  for (const step of exchange.steps) await scene.play(step)
  scene.compare()
}

/** What came on one connection, now and then. */
interface Ear {
  readonly socket: WebSocket
  readonly now: ServerMessage[]
  readonly recorded: ServerMessage[]
  cut: boolean
}

class Scene {
  readonly #exchange: RecordedExchange
  readonly #open: OpenConnection
  readonly #ears = new Map<number, Ear>()

  constructor(exchange: RecordedExchange, open: OpenConnection) {
    this.#exchange = exchange
    this.#open = open
  }

  async play(step: RecordedStep): Promise<void> {
    if ('meanwhile' in step) {
      return await passTime(step.meanwhile, await this.#open({ role: 'driver' }))
    }
    const ear = await this.#ear(step.connection)
    if ('lost' in step) {
      return await waitFor('the output that is lost', () =>
        essence(ear.now).output.includes(latin(step.lost)),
      )
    }
    if ('cut' in step) {
      ear.cut = true
      return ear.socket.terminate()
    }
    if (step.from === 'client') await this.#caughtUp()
    if ('close' in step) return await close(step, ear)
    if (step.from === 'server') ear.recorded.push(step.message)
    else ear.socket.send(this.#withEpoch(fromHex(step.hex)))
  }

  compare(): void {
    for (const [connection, { now, recorded, cut }] of this.#ears) {
      const [is, was] = [essence(now), essence(recorded)]
      if (cut) is.output = is.output.slice(0, was.output.length)
      const { acknowledged: _now, size: _size, ...said } = is
      const { acknowledged: _then, size: _was, ...then } = was
      assert.deepEqual(said, then, `connection ${connection}`)
    }
  }

  async #ear(connection: number): Promise<Ear> {
    const known = this.#ears.get(connection)
    if (known !== undefined) return known
    const plan = this.#exchange.connections[connection - 1]
    if (plan === undefined) throw new Error(`connection ${connection} has no plan`)
    const socket = await this.#open(plan, connection)
    const ear: Ear = { socket, now: [], recorded: [], cut: false }
    this.#ears.set(connection, ear)
    socket.on('message', (data: Buffer) => ear.now.push(decodeServerMessage(new Uint8Array(data))))
    await once(socket, 'open')
    return ear
  }

  /** A client's turn comes once everything that was said to the clients by then has been said again. */
  async #caughtUp(): Promise<void> {
    for (const [connection, { now, recorded, cut }] of this.#ears) {
      if (cut) continue
      const then = essence(recorded)
      await waitFor(`what was said on connection ${connection}: ${JSON.stringify(then)}`, () => {
        const is = essence(now)
        return (
          is.output.length >= then.output.length &&
          is.ready.length >= then.ready.length &&
          is.heartbeats >= then.heartbeats &&
          is.acknowledged >= then.acknowledged &&
          is.size === then.size
        )
      })
    }
  }

  #withEpoch(payload: Uint8Array): Uint8Array {
    const ready = [...this.#ears.values()]
      .flatMap(({ now }) => now)
      .find((message): message is ReadyMessage => message.type === 'ready')
    if (payload[0] !== CLIENT_OPCODES.hello || ready === undefined) return payload
    return toUtf8(new TextDecoder().decode(payload).replace(/"epoch":"[^"]+"/, `"epoch":"${ready.epoch}"`))
  }
}

async function close(
  step: Extract<RecordedStep, { readonly close: unknown }>,
  { socket }: Ear,
): Promise<void> {
  if (step.from === 'client') socket.close(step.close.code)
  if (socket.readyState === socket.CLOSED) return
  const [code] = (await within('the close', once(socket, 'close'))) as [number]
  if (step.from === 'server') assert.equal(code, step.close.code)
}

/** What must be the same whenever it is said; how output is cut into messages, and phases, may differ. */
function essence(messages: readonly ServerMessage[]): {
  output: string
  readonly snapshots: boolean
  readonly ready: readonly unknown[]
  readonly exit: unknown
  readonly error: string | undefined
  readonly heartbeats: number
  readonly acknowledged: number
  readonly size: string
} {
  const of = <T extends ServerMessage['type']>(type: T): Extract<ServerMessage, { type: T }>[] =>
    messages.filter((message): message is Extract<ServerMessage, { type: T }> => message.type === type)
  return {
    output: Buffer.concat(of('output').map(({ data }) => data)).toString('latin1'),
    snapshots: of('snapshot').length > 0,
    ready: of('ready').map(({ epoch: _epoch, replayBytes: _replayBytes, ...rest }) => rest),
    exit: of('exit')[0]?.exit,
    error: of('error')[0]?.error.code,
    heartbeats: of('heartbeat').length,
    acknowledged: Math.max(0, ...of('inputAck').map(({ offset }) => offset)),
    size: JSON.stringify(of('size').at(-1) ?? null),
  }
}

function latin(text: string): string {
  return Buffer.from(text).toString('latin1')
}
