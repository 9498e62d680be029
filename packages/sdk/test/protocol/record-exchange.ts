// Records the exchanges of this version, once per release:
//   node --conditions=@cliscale/source packages/sdk/test/protocol/record-exchange.ts
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { Cliscale } from '../../src/index.ts'
import {
  type ClientMessage,
  decodeClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  type ReadyMessage,
  type ServerMessage,
  type TerminalAccess,
  type TerminalSubprotocol,
} from '../../src/protocol/index.ts'
import { toUtf8 } from '../../src/protocol/text.ts'
import { startServerProcess } from '../../../server/test/support/server-process.ts'
import { waitFor } from '../support/wait-for.ts'
import { type ExchangeHeader, formatExchange, type RecordedStep } from './recorded-exchange.ts'

class Recorder {
  readonly steps: RecordedStep[] = []
  readonly subprotocol: TerminalSubprotocol
  readonly received: ServerMessage[] = []
  #connection = 0
  #socket: WebSocket | undefined

  constructor(subprotocol: TerminalSubprotocol) {
    this.subprotocol = subprotocol
  }

  async open({ url, token }: TerminalAccess): Promise<void> {
    const connection = (this.#connection += 1)
    const socket = new WebSocket(url, [this.subprotocol], { headers: { authorization: `Bearer ${token}` } })
    this.#socket = socket
    socket.on('message', (data: Buffer) => {
      const payload = new Uint8Array(data)
      const message = decodeServerMessage(payload)
      this.received.push(message)
      this.steps.push({ connection, from: 'server', payload, message })
    })
    socket.on('close', (code, reason) => {
      this.steps.push({ connection, from: 'server', close: { code, reason: reason.toString() } })
    })
    await once(socket, 'open')
  }

  send(message: ClientMessage, payload: Uint8Array = encodeClientMessage(message)): void {
    this.steps.push({ connection: this.#connection, from: 'client', payload, message })
    this.#socket?.send(payload)
  }

  async leave(): Promise<void> {
    const connection = this.#connection
    this.steps.push({ connection, from: 'client', close: { code: 1000, reason: '' } })
    this.#socket?.removeAllListeners('close')
    this.#socket?.close(1000)
    if (this.#socket !== undefined) await once(this.#socket, 'close')
  }

  async shows(text: string): Promise<void> {
    const decoder = new TextDecoder()
    await waitFor(text, () =>
      this.received
        .map((message) => (message.type === 'output' ? decoder.decode(message.data) : ''))
        .join('')
        .includes(text),
    )
  }

  async closed(): Promise<void> {
    await waitFor('the close', () => this.steps.some((step) => 'close' in step && step.from === 'server'))
  }
}

const SCRIPT =
  'stty -echo; printf "grüße\\033[1m\\377\\n"; while read line; do echo "$line $(stty size)"; [ "$line" = bye ] && exit 5; done'
const SESSION = { command: 'sh', args: ['-c', SCRIPT] }

async function recordExtended(cliscale: Cliscale): Promise<Recorder> {
  const recorder = new Recorder('cliscale.v1')
  const session = await cliscale.sessions.create(SESSION)
  const hello = { type: 'hello', v: 1, client: '0123456789abcdef', columns: 80, rows: 24 } as const
  await recorder.open(await session.createToken())
  recorder.send({ ...hello, input: 0 })
  await waitFor('the greeting', () => recorder.received.some(({ type }) => type === 'output'))
  recorder.send({ type: 'heartbeat', data: toUtf8('1') })
  recorder.send({ type: 'resize', columns: 100, rows: 30 })
  await waitFor('the size', () =>
    recorder.received.some((message) => message.type === 'size' && message.columns === 100),
  )
  recorder.send({ type: 'input', data: toUtf8('one\n') })
  await recorder.shows('one 30 100')
  await waitFor('the acknowledgement', () => recorder.received.some(({ type }) => type === 'inputAck'))
  const { epoch } = recorder.received.find(
    (message): message is ReadyMessage => message.type === 'ready',
  ) ?? { epoch: '' }
  const offset = recorder.received.reduce(
    (sum, message) => sum + (message.type === 'output' ? message.data.length : 0),
    0,
  )
  recorder.send({ type: 'credit', offset })
  await recorder.leave()
  await recorder.open(await session.createToken())
  recorder.send({ ...hello, columns: 100, rows: 30, input: 4, resume: { epoch, offset } })
  await waitFor('the resume', () => recorder.received.filter(({ type }) => type === 'ready').length === 2)
  recorder.send({ type: 'drive' })
  recorder.send({ type: 'input', data: toUtf8('bye\n') })
  await recorder.closed()
  return recorder
}

async function recordTty(cliscale: Cliscale): Promise<Recorder> {
  const recorder = new Recorder('tty')
  const session = await cliscale.sessions.create(SESSION)
  await session.waitUntil('running')
  await recorder.open(await session.createToken())
  // ttyd 1.7.7's page says hello like this.
  const hello = toUtf8('{"AuthToken":"","columns":80,"rows":24}')
  recorder.send(decodeClientMessage(hello), hello)
  await waitFor('the greeting', () => recorder.received.some(({ type }) => type === 'output'))
  recorder.send({ type: 'pause' })
  recorder.send({ type: 'resume' })
  recorder.send({ type: 'resize', columns: 90, rows: 20 })
  recorder.send({ type: 'input', data: toUtf8('bye\n') })
  await recorder.closed()
  return recorder
}

const cleanups: (() => unknown)[] = []
const server = await startServerProcess({
  after: (cleanup: () => unknown) => cleanups.push(cleanup),
} as unknown as TestContext)
try {
  const cliscale = new Cliscale({ baseUrl: server.baseUrl, apiKey: server.apiKey })
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const about = 'A shell script: greeting, a line, a resize; in cliscale.v1 also a reconnect; then exit 5.'
  for (const recorder of [await recordExtended(cliscale), await recordTty(cliscale)]) {
    const header: ExchangeHeader = { version, subprotocol: recorder.subprotocol, about }
    const file = new URL(`./fixtures/${version}-${recorder.subprotocol}.jsonl`, import.meta.url)
    writeFileSync(file, formatExchange(header, recorder.steps))
    console.log(`${recorder.steps.length} steps in ${file.pathname}`)
  }
} finally {
  for (const cleanup of cleanups) await cleanup()
}
