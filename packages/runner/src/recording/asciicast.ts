import type { RecordingInfo } from '@cliscale/sdk/protocol'

import type { Size } from '../terminal/sizer.ts'

/** Codes of asciicast v3 events: output, input, resize, marker, exit. */
export type EventCode = 'o' | 'i' | 'r' | 'm' | 'x'

/** First line of a recording. */
export interface AsciicastHead extends Size {
  /** What the terminal says that it is: TERM. */
  readonly type: string
  /** When it began, in milliseconds since the epoch. */
  readonly startedAtMs: number
  readonly title: string
}

/**
 * Writes asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): a JSON header, then one JSON array a line,
 * `[seconds since the event before, code, data]`.
 *
 * Bytes that are no whole character yet wait for the next chunk; bytes that are no UTF-8 become U+FFFD. Times are
 * rounded where they are, not where they differ, so that the sum of all intervals stays within a millisecond.
 */
export class AsciicastWriter {
  readonly #recordsInput: boolean
  readonly #output: TextDecoder = new TextDecoder('utf-8', { ignoreBOM: true })
  readonly #input: TextDecoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #lastMs = 0

  constructor(mode: RecordingInfo['mode']) {
    this.#recordsInput = mode === 'output-and-input'
  }

  /** The header line. */
  head({ columns, rows, type, startedAtMs, title }: AsciicastHead): string {
    const term = { cols: columns, rows, type }
    return line({ version: 3, term, timestamp: Math.floor(startedAtMs / 1_000), title })
  }

  /** Lines for output at `atMs` after the beginning; none while only a part of a character has come. */
  output(chunk: Uint8Array, atMs: number): string {
    return this.#text('o', this.#output.decode(chunk, { stream: true }), atMs)
  }

  /** Lines for input; none unless input is recorded. */
  input(chunk: Uint8Array, atMs: number): string {
    if (!this.#recordsInput) return ''
    return this.#text('i', this.#input.decode(chunk, { stream: true }), atMs)
  }

  /** The line for a new size. */
  resize({ columns, rows }: Size, atMs: number): string {
    return this.#event('r', `${columns}x${rows}`, atMs)
  }

  /** A line that a player shows as a place to jump to. */
  marker(label: string, atMs: number): string {
    return this.#event('m', label, atMs)
  }

  /** Lines for what is left of characters that nothing will complete. */
  rest(atMs: number): string {
    return this.#text('o', this.#output.decode(), atMs) + this.#text('i', this.#input.decode(), atMs)
  }

  /** The line for the command's exit status. */
  exit(status: number, atMs: number): string {
    return this.#event('x', String(status), atMs)
  }

  /** Time of the last line. Set it back when lines made after it are not used. */
  get lastMs(): number {
    return this.#lastMs
  }

  set lastMs(lastMs: number) {
    this.#lastMs = lastMs
  }

  #text(code: EventCode, text: string, atMs: number): string {
    return text === '' ? '' : this.#event(code, text, atMs)
  }

  #event(code: EventCode, data: string, atMs: number): string {
    const nowMs = Math.max(this.#lastMs, Math.round(atMs))
    const interval = (nowMs - this.#lastMs) / 1_000
    this.#lastMs = nowMs
    return line([interval, code, data])
  }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`
}
