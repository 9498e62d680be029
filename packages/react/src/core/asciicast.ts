import { BadRequestError, type CliscaleError, LimitError } from '@cliscale/sdk/errors'

/** Longest recording that is played, in bytes; the default limit of a server's recordings and a little more. */
export const MAX_PLAYED_BYTES = 68_000_000

/** An asciicast as the player takes it: its header, then its events. */
export type Asciicast = readonly [header: Readonly<Record<string, unknown>>, ...events: AsciicastEvent[]]

/** Time in seconds (of version 3 since the event before, of version 2 since the beginning), what it is, and its data. */
export type AsciicastEvent = readonly [time: number, code: string, data: string]

/** Lines of a recording that were not understood; the rest is played without them. */
export interface SkippedLines {
  /** How many. */
  readonly count: number
  /** The first of them, counted from 1. */
  readonly firstLine: number
  /** Whether the last one was cut off: of a recording that is still written, or whose writer was killed. */
  readonly isCut: boolean
}

/** A recording as far as it could be read. */
export interface ReadAsciicast {
  readonly cast: Asciicast
  /** `null` when all was understood. */
  readonly skipped: SkippedLines | null
}

/**
 * Reads an asciicast, https://docs.asciinema.org/manual/asciicast/v3/ or v2, as other programs write them: with a byte
 * order mark, CRLF, empty lines, comments, or no end of the last line. Lines that are no events, and events of unknown
 * kinds, are left out and counted.
 *
 * @throws {CliscaleError} `RECORDING_UNREADABLE` when it has no header of version 2 or 3, or no line of it is an event
 */
export function parseAsciicast(text: string): ReadAsciicast {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const first = lines.findIndex(isMeant)
  const header = parseLine(lines[first] ?? '')
  if (!isHeader(header)) throw unreadable(Math.max(first, 0) + 1)
  const events: AsciicastEvent[] = []
  const skipped: number[] = []
  for (const [index, line] of lines.entries()) {
    if (index <= first || !isMeant(line)) continue
    const event = parseLine(line)
    if (isEvent(event)) events.push(toKnown(event))
    if (!isEvent(event) || !KNOWN.has(event[1])) skipped.push(index)
  }
  const [firstSkipped] = skipped
  if (firstSkipped === undefined) return { cast: [header, ...events], skipped: null }
  const isCut = skipped.at(-1) === lines.length - 1
  if (events.length === 0 && !(isCut && skipped.length === 1)) throw unreadable(firstSkipped + 1)
  return { cast: [header, ...events], skipped: { count: skipped.length, firstLine: firstSkipped + 1, isCut } }
}

/** Output, input, a marker, another size, and the exit of the command. */
const KNOWN: ReadonlySet<string> = new Set(['o', 'i', 'm', 'r', 'x'])

/** Empty lines and comments are part of the format. */
function isMeant(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('#')
}

/** An event that nobody knows shows nothing, but its time counts. */
function toKnown([time, code, data]: RawEvent): AsciicastEvent {
  return [time, KNOWN.has(code) ? code : 'o', KNOWN.has(code) && typeof data === 'string' ? data : '']
}

/** Whether anything was printed in it. */
export function hasOutput([, ...events]: Asciicast): boolean {
  return events.some(([, code, data]) => code === 'o' && data !== '')
}

/** Reads a text, of bounded length. @throws {CliscaleError} `OUTPUT_TOO_LARGE` */
export async function readText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let left = MAX_PLAYED_BYTES; ;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    left -= value.length
    if (left < 0) {
      await reader.cancel()
      const message = `The recording is larger than ${MAX_PLAYED_BYTES / 1_000_000} MB.`
      const hint = 'Download it and play it with the asciinema CLI.'
      throw new LimitError('OUTPUT_TOO_LARGE', message, { status: 0, retryable: false, hint })
    }
    text += decoder.decode(value, { stream: true })
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isHeader(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const { version } = value as { version?: unknown }
  return version === 2 || version === 3
}

type RawEvent = readonly [time: number, code: string, data: unknown]

function isEvent(value: unknown): value is RawEvent {
  if (!Array.isArray(value)) return false
  const [time, code, data] = value as unknown[]
  if (typeof time !== 'number' || time < 0 || typeof code !== 'string') return false
  return typeof data === 'string' || !KNOWN.has(code)
}

function unreadable(line: number): CliscaleError {
  const message = `This is not an asciicast of version 2 or 3: line ${line} cannot be read.`
  return new BadRequestError('RECORDING_UNREADABLE', message, { status: 0, retryable: false })
}
