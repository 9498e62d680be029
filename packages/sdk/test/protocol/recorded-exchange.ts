import { readdirSync, readFileSync } from 'node:fs'
import {
  type ClientMessage,
  isObject,
  type JsonObject,
  type Role,
  type ServerMessage,
  type TerminalSubprotocol,
} from '../../src/protocol/index.ts'

/**
 * Recorded exchanges: what clients and the server of a released version said to each other. They are the test vectors of
 * PROTOCOL.md, which tells their format, and later versions must still understand every byte of them: SDK, React, server
 * and runner replay them in their tests.
 */
export interface RecordedExchange extends ExchangeHeader {
  /** File name without its ending. */
  readonly name: string
  readonly steps: readonly RecordedStep[]
}

/** The first line of a file. */
export interface ExchangeHeader {
  /** Package version that was recorded. */
  readonly version: string
  readonly subprotocol: TerminalSubprotocol
  readonly about: string
  /** The session's command is `sh -c <script>`. */
  readonly script: string
  /** `gateway`: a runner alone answers otherwise. */
  readonly through: 'gateway' | 'runner'
  /** How each connection is opened, the first one first. */
  readonly connections: readonly ConnectionPlan[]
}

/** How one connection is opened. */
export interface ConnectionPlan {
  readonly role: Role
  /** The connection whose token it offers again. Absent: a new one. */
  readonly tokenOf?: number
}

/** A line after the first, in the order of arrival. */
export type RecordedStep = RecordedMessage | RecordedClose | RecordedCut | LostOutput | Meanwhile

/** One WebSocket message: its payload, and what it means. */
export type RecordedMessage =
  | {
      readonly connection: number
      readonly from: 'client'
      readonly hex: string
      readonly meaning: string
      readonly message: ClientMessage
    }
  | {
      readonly connection: number
      readonly from: 'server'
      readonly hex: string
      readonly meaning: string
      readonly message: ServerMessage
    }

/** A close frame. */
export interface RecordedClose {
  readonly connection: number
  readonly from: 'client' | 'server'
  readonly close: { readonly code: number; readonly reason: string }
  readonly meaning: string
}

/** The connection is gone without a close frame. */
export interface RecordedCut {
  readonly connection: number
  readonly cut: true
  readonly meaning: string
}

/** Output that the session sent and that did not arrive, because a cut follows. */
export interface LostOutput {
  readonly connection: number
  readonly lost: string
  readonly meaning: string
}

/** Another client, which is not recorded, types something, takes all output until a text shows, and leaves. */
export interface Meanwhile {
  readonly meanwhile: { readonly types: string; readonly until: string }
  readonly meaning: string
}

const FOLDER = new URL('./exchanges/', import.meta.url)

/** Where the exchanges of a version lie. */
export function exchangeFile(version: string, name: string): URL {
  return new URL(`${version}/${name}.jsonl`, FOLDER)
}

/** Reads all recorded exchanges. */
export function recordedExchanges(): readonly RecordedExchange[] {
  return readdirSync(FOLDER)
    .sort()
    .flatMap((version) =>
      readdirSync(new URL(`${version}/`, FOLDER))
        .sort()
        .map((file) => readExchange(version, file.replace(/\.jsonl$/, ''))),
    )
}

/** The exchange with a reconnect, of each version. */
export function recordedLives(): readonly RecordedExchange[] {
  return recordedExchanges().filter(({ name }) => name === 'life')
}

function readExchange(version: string, name: string): RecordedExchange {
  const lines = readFileSync(exchangeFile(version, name), 'utf8').trim().split('\n')
  const [header, ...steps] = lines.map((line) => JSON.parse(line, revive) as unknown)
  return { ...(header as ExchangeHeader), name, steps: steps as RecordedStep[] }
}

/** Writes an exchange in the form that {@link recordedExchanges} reads. */
export function formatExchange(header: ExchangeHeader, steps: readonly RecordedStep[]): string {
  return [header, ...steps].map((line) => `${JSON.stringify(line, replace)}\n`).join('')
}

/** Bytes of a hexadecimal text. */
export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** Hexadecimal text of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Bytes inside of a `message` stand as `{"hex": "…"}`. */
function revive(_key: string, value: unknown): unknown {
  const isBytes = isObject(value) && Object.keys(value).length === 1 && typeof value.hex === 'string'
  return isBytes ? fromHex(value.hex as string) : value
}

function replace(_key: string, value: unknown): unknown {
  const coded: JsonObject | undefined = value instanceof Uint8Array ? { hex: toHex(value) } : undefined
  return coded ?? value
}
