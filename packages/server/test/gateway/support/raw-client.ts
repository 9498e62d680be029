import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { TerminalSubprotocol } from '@cliscale/sdk/protocol'
import { waitFor } from '../../support/wait-for.ts'
import { rawFrame } from './raw-frames.ts'

/** A frame of the server as it came. */
export interface ReceivedFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** A client that sends what it likes and reads frames by itself; a polite one answers the server's close. */
export class RawClient {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #answered = false
  #ended = false

  constructor(socket: Socket, polite: boolean) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
      if (polite) this.#answer()
    })
    socket.on('close', () => (this.#ended = true))
    socket.on('error', () => undefined)
  }

  /** All frames so far. Throws when the bytes are none. */
  get frames(): readonly ReceivedFrame[] {
    const frames: ReceivedFrame[] = []
    const bytes = this.#received
    const begin = bytes.indexOf('\r\n\r\n')
    if (begin < 0) return frames
    if (!bytes.toString('latin1', 0, 12).endsWith('101')) throw new Error(bytes.toString('latin1'))
    for (let at = begin + 4; at + 2 <= bytes.length;) {
      const [first = 0, second = 0] = bytes.subarray(at, at + 2)
      if ((first & 0xf0) !== 0x80 || second > 127) throw new Error(`no whole frame at ${at}`)
      const head = second < 126 ? 2 : second === 126 ? 4 : 10
      if (at + head > bytes.length) break
      const length =
        head === 2 ? second : head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
      if (at + head + length > bytes.length) break
      frames.push({ opcode: first & 15, payload: bytes.subarray(at + head, at + head + length) })
      at += head + length
    }
    return frames
  }

  /** Sends a masked frame. */
  send(opcode: number, payload: string | Uint8Array = '', more: { fin?: boolean; rsv?: number } = {}): void {
    this.socket.write(rawFrame({ opcode, payload: Buffer.from(payload), mask: randomBytes(4), ...more }))
  }

  #answer(): void {
    const close = this.frames.find(({ opcode }) => opcode === 8)
    if (close === undefined || this.#answered) return
    this.#answered = true
    this.send(8, close.payload.subarray(0, 2))
  }

  /** Waits until a message of this type came. */
  async got(type: string): Promise<void> {
    const isIt = ({ opcode, payload }: ReceivedFrame): boolean =>
      opcode === 2 && payload.toString('latin1', 0, 1) === type
    await waitFor(() => this.frames.some(isIt), { what: `a message ${type}` })
  }

  /** Waits until the connection is closed, and resolves with all frames but output, pings and pongs. */
  async end(): Promise<readonly ReceivedFrame[]> {
    await waitFor(() => this.#ended, { what: 'the end of the connection' })
    return this.frames.filter(({ opcode, payload }) => opcode === 8 || (opcode === 2 && payload[0] !== 0x30))
  }
}

/** Types of the messages `E` and `X` and closes with code and reason, in order. */
export function farewells(frames: readonly ReceivedFrame[]): string[] {
  return frames.flatMap(({ opcode, payload }) => {
    const type = payload.toString('latin1', 0, 1)
    if (opcode === 8) return [`${payload.readUInt16BE(0)} ${payload.toString('utf8', 2)}`]
    return type === 'E' || type === 'X' ? [type] : []
  })
}

/** Opens a terminal. */
export async function rawClient(
  t: TestContext,
  url: string,
  options: { token: string; protocol?: TerminalSubprotocol; polite?: boolean },
): Promise<RawClient> {
  const { hostname, port, pathname, host } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  t.after(() => socket.destroy())
  const client = new RawClient(socket, options.polite ?? true)
  await once(socket, 'connect')
  socket.write(
    [
      `GET ${pathname} HTTP/1.1`,
      `Host: ${host}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      `Sec-WebSocket-Protocol: ${options.protocol ?? 'cliscale.v1'}`,
      `Authorization: Bearer ${options.token}`,
      '\r\n',
    ].join('\r\n'),
  )
  return client
}
