import { createReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'

import { RECORDING_MEDIA_TYPE, RUNNER_RECORDING_HEADERS } from '@cliscale/sdk/protocol'

import { RefusedRequest } from '../assignment.ts'
import type { Recorder } from './recorder.ts'

/** One request for a part of the recording. */
export interface RecordingRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The caller has all of the recording. */
  readonly taken: () => void
}

/** Answers with the recording from `?offset=` on, as far as it is written. @throws {RefusedRequest} */
export async function sendRecording(
  recorder: Recorder | undefined,
  { request, response, taken }: RecordingRequest,
): Promise<void> {
  if (recorder === undefined) throw new RefusedRequest('RECORDING_NOT_FOUND', 'The session is not recorded.')
  const offset = offsetOf(request.url ?? '')
  await recorder.flush()
  // Read together: a recording that is complete now has all its bytes in the total.
  const { state, path, writtenBytes: total } = recorder
  if (offset > total) throw new RefusedRequest('BAD_REQUEST', `The recording has ${total} bytes.`)
  response.writeHead(200, {
    'content-type': RECORDING_MEDIA_TYPE,
    'content-length': total - offset,
    'cache-control': 'no-store',
    [RUNNER_RECORDING_HEADERS.state]: state,
    [RUNNER_RECORDING_HEADERS.total]: total,
  })
  if (offset < total) {
    await pipeline(createReadStream(path, { start: offset, end: total - 1 }), response)
    return
  }
  response.end(() => {
    if (state !== 'open') taken()
  })
}

function offsetOf(url: string): number {
  const query = url.indexOf('?')
  const text = new URLSearchParams(query === -1 ? '' : url.slice(query)).get('offset') ?? '0'
  if (!/^\d{1,15}$/.test(text)) throw new RefusedRequest('BAD_REQUEST', 'The offset must be a whole number.')
  return Number(text)
}
