import type { Recording } from '@cliscale/sdk'
import { ConnectionError, NotFoundError } from '@cliscale/sdk/errors'
import { readText } from './asciicast.ts'

/** What is played. */
export interface PlayerSource {
  /** Two sources with equal keys are the same one, and are loaded once. */
  readonly key: readonly unknown[]
  /** Reads the asciicast. */
  load(signal: AbortSignal): Promise<string>
}

/** An asciicast: where it is (`https:`, `blob:`, relative), what it says (it begins with `{`), or where to read it. */
export type RecordingSource = string | URL | Blob | Recording

/** Makes a source of whatever holds an asciicast. */
export function sourceOf(src: RecordingSource): PlayerSource {
  return { key: ['src', src instanceof URL ? src.href : src], load: (signal) => load(src, signal) }
}

/** Makes a source of a session's recording. `key` tells it from others. */
export function recordingSource(
  key: readonly unknown[],
  open: (signal: AbortSignal) => Promise<Recording>,
): PlayerSource {
  return { key, load: async (signal) => await readText((await open(signal)).body) }
}

async function load(src: RecordingSource, signal: AbortSignal): Promise<string> {
  if (src instanceof Blob) return await readText(src.stream())
  if (typeof src === 'string' && src.trimStart().startsWith('{')) return src
  if (typeof src === 'object' && 'body' in src) return await readText(src.body)
  return await fetchText(src, signal)
}

async function fetchText(address: string | URL, signal: AbortSignal): Promise<string> {
  const response = await reach(address, signal)
  const { status } = response
  if (response.ok && response.body !== null) return await readText(response.body)
  await response.body?.cancel()
  if (status === 404) {
    throw new NotFoundError('RECORDING_NOT_FOUND', 'There is no recording at this address.', {
      status,
      retryable: false,
    })
  }
  throw new ConnectionError('CONNECTION_FAILED', `The recording was answered with status ${status}.`, {
    status,
    retryable: true,
  })
}

async function reach(address: string | URL, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(address, { signal })
  } catch (cause) {
    const message = 'The recording cannot be reached.'
    throw new ConnectionError('CONNECTION_FAILED', message, { status: 0, retryable: true, cause })
  }
}
