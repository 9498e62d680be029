import { readdirSync, readFileSync } from 'node:fs'
import {
  type ClientMessage,
  isObject,
  type JsonObject,
  type ServerMessage,
  type TerminalSubprotocol,
} from '../../src/protocol/index.ts'

/**
 * Recorded exchanges: what a real client and a real server of a released version said to each other. Later versions
 * must still understand every byte of them; SDK, React, server and runner replay them in their tests.
 *
 * A file `fixtures/<version>-<subprotocol>.jsonl` has one JSON object per line. The first describes the exchange
 * ({@link ExchangeHeader}). Each other one is a {@link RecordedStep}, in the order of their arrival: `payload` is one
 * whole WebSocket message, `message` what it means; a step with `close` is the end of a connection. Bytes stand as
 * `{"text": "…"}` where they are UTF-8 and as `{"base64": "…"}` where they are not.
 */
export interface RecordedExchange extends ExchangeHeader {
  readonly name: string
  readonly steps: readonly RecordedStep[]
}

/** The first line. */
export interface ExchangeHeader {
  /** Package version that was recorded. */
  readonly version: string
  readonly subprotocol: TerminalSubprotocol
  readonly about: string
}

/** A message, or the end of a connection. */
export type RecordedStep = RecordedMessage | RecordedClose

/** One WebSocket message. */
export type RecordedMessage =
  | {
      readonly connection: number
      readonly from: 'client'
      readonly payload: Uint8Array
      readonly message: ClientMessage
    }
  | {
      readonly connection: number
      readonly from: 'server'
      readonly payload: Uint8Array
      readonly message: ServerMessage
    }

/** How a connection ended. */
export interface RecordedClose {
  readonly connection: number
  readonly from: 'client' | 'server'
  readonly close: { readonly code: number; readonly reason: string }
}

const FOLDER = new URL('./fixtures/', import.meta.url)

/** Reads all recorded exchanges. */
export function recordedExchanges(): readonly RecordedExchange[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.jsonl'))
    .sort()
    .map((file) => {
      const lines = readFileSync(new URL(file, FOLDER), 'utf8').trim().split('\n')
      const [header, ...steps] = lines.map((line) => JSON.parse(line, revive) as unknown)
      return { ...(header as ExchangeHeader), name: file, steps: steps as RecordedStep[] }
    })
}

/** Writes an exchange in the form that {@link recordedExchanges} reads. */
export function formatExchange(header: ExchangeHeader, steps: readonly RecordedStep[]): string {
  return [header, ...steps].map((line) => `${JSON.stringify(line, replace)}\n`).join('')
}

function revive(_key: string, value: unknown): unknown {
  if (!isObject(value)) return value
  const keys = Object.keys(value)
  if (keys.length !== 1) return value
  if (typeof value.text === 'string') return new Uint8Array(Buffer.from(value.text, 'utf8'))
  return typeof value.base64 === 'string' ? new Uint8Array(Buffer.from(value.base64, 'base64')) : value
}

function replace(_key: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value
  const bytes = Buffer.from(value)
  const text = bytes.toString('utf8')
  const coded: JsonObject = Buffer.from(text, 'utf8').equals(bytes)
    ? { text }
    : { base64: bytes.toString('base64') }
  return coded
}
