import { BadRequestError, type CliscaleError, LimitError } from '@cliscale/sdk/errors'

/** Longest recording that is played, in bytes; the default limit of a server's recordings and a little more. */
export const MAX_PLAYED_BYTES = 68_000_000

/** An asciicast as the player takes it: its header, then its events. */
export type Asciicast = readonly [header: Readonly<Record<string, unknown>>, ...events: AsciicastEvent[]]

/** Time in seconds (of version 3 since the event before, of version 2 since the beginning), what it is, and its data. */
export type AsciicastEvent = readonly [time: number, code: string, data: string]

/**
 * Reads an asciicast, https://docs.asciinema.org/manual/asciicast/v3/ or v2. A last line without an end is left out:
 * that of a recording which is still written, or whose writer was killed.
 *
 * @throws {CliscaleError} `RECORDING_UNREADABLE`
 */
export function parseAsciicast(text: string): Asciicast {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  const header = parseLine(lines[0] ?? '', 1)
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw unreadable(1)
  const { version } = header as { version?: unknown }
  if (version !== 2 && version !== 3) throw unreadable(1)
  const events = lines.flatMap((line, index) => {
    // Empty lines and comments are part of the format.
    if (index === 0 || line === '' || line.startsWith('#')) return []
    const event = parseLine(line, index + 1)
    if (!isEvent(event)) throw unreadable(index + 1)
    return [event]
  })
  return [header as Record<string, unknown>, ...events]
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

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw unreadable(number)
  }
}

function isEvent(value: unknown): value is AsciicastEvent {
  return (
    Array.isArray(value) &&
    typeof value[0] === 'number' &&
    typeof value[1] === 'string' &&
    typeof value[2] === 'string'
  )
}

function unreadable(line: number): CliscaleError {
  const message = `This is not an asciicast of version 2 or 3: line ${line} cannot be read.`
  return new BadRequestError('RECORDING_UNREADABLE', message, { status: 0, retryable: false })
}
