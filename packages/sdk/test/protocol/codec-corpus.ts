import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import {
  decodeClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  encodeServerMessage,
  MalformedMessage,
} from '../../src/protocol/index.ts'
import { fromUtf8, toUtf8 } from '../../src/protocol/text.ts'

/** Whose message it is. */
export type Sender = 'client' | 'server'

/** One saved input of the fuzzer. */
export interface CorpusEntry {
  readonly from: Sender
  /** The payload as text, or as hexadecimal where it is no UTF-8. */
  readonly payload: { readonly text: string } | { readonly hex: string }
  /** Type and fields of the message that it is, or the sentence with which it is refused. */
  readonly outcome: string
}

/** One entry a line. */
export const CORPUS_FILE: string = fileURLToPath(new URL('corpus/codec.jsonl', import.meta.url))

/** All saved inputs. */
export function readCorpus(): readonly CorpusEntry[] {
  const lines = readFileSync(CORPUS_FILE, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CorpusEntry)
}

/** The bytes of an entry. */
export function bytesOf({ payload }: Pick<CorpusEntry, 'payload'>): Uint8Array {
  return 'text' in payload ? toUtf8(payload.text) : Uint8Array.from(Buffer.from(payload.hex, 'hex'))
}

/** A payload as an entry keeps it. */
export function writePayload(bytes: Uint8Array): CorpusEntry['payload'] {
  const text = fromUtf8(bytes)
  return Buffer.from(toUtf8(text)).equals(bytes) ? { text } : { hex: Buffer.from(bytes).toString('hex') }
}

/**
 * What becomes of a payload: a message of a type with these fields, or a refusal with this sentence.
 *
 * @throws {Error} for what must never be: another error, or a message that is another one once it is sent on
 */
export function outcomeOf(from: Sender, payload: Uint8Array): string {
  try {
    const message = from === 'client' ? decodeClientMessage(payload) : decodeServerMessage(payload)
    // Preferences are not ours: any JSON.
    if (message.type !== 'preferences') assertStable(from, message)
    return shapeOf(message)
  } catch (error) {
    if (error instanceof MalformedMessage) return `refused: ${error.message.replace(/0x.*$/, '0x…')}`
    throw error
  }
}

type Message = ReturnType<typeof decodeClientMessage> | ReturnType<typeof decodeServerMessage>

function assertStable(from: Sender, message: Message): void {
  const again =
    from === 'client'
      ? decodeClientMessage(encodeClientMessage(message as ReturnType<typeof decodeClientMessage>))
      : decodeServerMessage(encodeServerMessage(message as ReturnType<typeof decodeServerMessage>))
  if (!isDeepStrictEqual(again, message))
    throw new Error(`sent on, it is another message: ${JSON.stringify(message)}, ${JSON.stringify(again)}`)
}

/** Its type and all fields in it; what is in preferences and in bytes is anybody's. */
function shapeOf(message: Message): string {
  const fields = (value: object): string =>
    Object.entries(value)
      .filter(([key]) => key !== 'type' && key !== 'preferences')
      .map(([key, field]) => (isRecord(field) ? `${key}{${fields(field)}}` : key))
      .join(' ')
  return `${message.type} ${fields(message)}`.trim()
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}
