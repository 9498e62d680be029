import { createError } from './create-error.ts'
import type { Download } from './http/download.ts'
import { RECORDING_HEADER, RECORDING_MEDIA_TYPE } from './protocol/index.ts'

/** Longest recording that is made into one text. */
const MAX_TEXT_BYTES = 268_435_456

/**
 * What a recorded session printed, with its times: asciicast v3, lines of JSON
 * (https://docs.asciinema.org/manual/asciicast/v3/). Read it once, as a stream or as text; `body.cancel()` if you do
 * not want it after all.
 */
export interface Recording {
  /** False while the session goes on: then it is what there is now. */
  readonly complete: boolean
  /** Its size; `null` while it is not complete. */
  readonly bytes: number | null
  /** Fails with `ABORTED` or `CONNECTION_LOST`. */
  readonly body: ReadableStream<Uint8Array>
  /**
   * Reads all of it.
   *
   * @throws {CliscaleError} `OUTPUT_TOO_LARGE` beyond 256 MiB, `ABORTED`, `CONNECTION_LOST`
   */
  text(): Promise<string>
}

/** Makes a recording of the answer to `GET /v1/sessions/{id}/recording`. */
export async function toRecording({ headers, body }: Download): Promise<Recording> {
  const type = headers.get('content-type')?.split(';')[0]
  if (type !== RECORDING_MEDIA_TYPE) {
    await body.cancel()
    throw createError('INVALID_RESPONSE', `The server answered ${type ?? 'nothing'} instead of a recording.`)
  }
  const complete = headers.get(RECORDING_HEADER) === 'complete'
  return { complete, bytes: complete ? lengthOf(headers) : null, body, text: () => readText(body) }
}

function lengthOf(headers: Headers): number | null {
  const length = headers.get('content-length')
  // Of what a proxy has compressed it is another length.
  return length === null || headers.has('content-encoding') ? null : Number(length)
}

async function readText(body: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let text = ''
  for (let left = MAX_TEXT_BYTES; ;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    left -= value.length
    if (left < 0) {
      await reader.cancel()
      throw createError('OUTPUT_TOO_LARGE', `The recording is larger than ${MAX_TEXT_BYTES} bytes.`)
    }
    text += decoder.decode(value, { stream: true })
  }
}
