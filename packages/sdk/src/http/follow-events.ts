import { fullJitter } from '../backoff.ts'
import { createError } from '../create-error.ts'
import { bounded, pause } from '../deadline.ts'
import { type CliscaleError, isCliscaleError } from '../errors.ts'
import { isObject, type SessionEvent, type SessionEventType } from '../protocol/index.ts'
import { EventStreamParser } from './event-stream-parser.ts'
import type { HttpClient } from './http-client.ts'

/** The server sends a comment every 15 s; three missing ones mean that the stream is dead. */
const SILENCE_MS = 50_000

/** Failures in a row that are waited for; with full jitter to 15 s this is some minutes. */
const MAX_ATTEMPTS = 40

const RETRY = { baseMs: 250, capMs: 15_000 } as const

const EVENT_TYPES: Readonly<Record<SessionEventType, true>> = {
  created: true,
  phase: true,
  running: true,
  updated: true,
  ending: true,
  ended: true,
}

/** Which events to follow. */
export interface FollowOptions {
  /** `/v1/events` or `/v1/sessions/{id}/events`. */
  readonly path: string
  readonly afterSeq: number
  readonly signal: AbortSignal
  /** The stream of one session is over when it ended; the stream of all never is. */
  readonly isLast: (event: SessionEvent) => boolean
}

/**
 * Follows server-sent events over as many connections as it takes: each goes on after the last event that was seen
 * (Last-Event-ID), so none is lost or doubled. Events of types that a newer server sends are left out.
 *
 * @throws {CliscaleError} when the server refuses for good or stays away, or `ABORTED`
 */
export async function* followEvents(http: HttpClient, options: FollowOptions): AsyncGenerator<SessionEvent> {
  const { path, signal, isLast } = options
  let seq = options.afterSeq
  for (let attempt = 0; ; attempt += 1) {
    try {
      for await (const event of readOnce(http, { path, seq, signal })) {
        attempt = 0
        if (event.seq <= seq) continue
        seq = event.seq
        yield event
        if (isLast(event)) return
      }
    } catch (error) {
      if (!isCliscaleError(error) || !error.retryable || attempt >= MAX_ATTEMPTS) throw error
    }
    await bounded({ signals: [signal, http.signal] }, (ended) => pause(fullJitter(attempt, RETRY), ended))
  }
}

interface Connection {
  readonly path: string
  readonly seq: number
  readonly signal: AbortSignal
}

async function* readOnce(http: HttpClient, { path, seq, signal }: Connection): AsyncGenerator<SessionEvent> {
  const stop = new AbortController()
  const headers = { accept: 'text/event-stream', ...(seq > 0 ? { 'last-event-id': String(seq) } : {}) }
  const within = <T>(work: () => Promise<T>): Promise<T> =>
    bounded({ signals: [signal, http.signal], timeoutMs: SILENCE_MS, onTimeout: silence }, work)
  try {
    const stream = await within(() => http.stream({ method: 'GET', path, headers }, stop.signal))
    const reader = stream.getReader()
    const decoder = new TextDecoder()
    const parser = new EventStreamParser()
    for (;;) {
      const { done, value } = await within(() => reader.read().catch(lost))
      if (done) return
      for (const { data } of parse(parser, decoder.decode(value, { stream: true }))) {
        const event = toSessionEvent(data)
        if (event !== undefined) yield event
      }
    }
  } finally {
    stop.abort()
  }
}

function parse(parser: EventStreamParser, text: string): { readonly data: string }[] {
  try {
    return parser.push(text)
  } catch (error) {
    throw createError('INVALID_RESPONSE', 'The event stream of the server is malformed.', { cause: error })
  }
}

function toSessionEvent(data: string): SessionEvent | undefined {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch (error) {
    throw createError('INVALID_RESPONSE', 'An event of the server is not JSON.', { cause: error })
  }
  if (!isObject(value) || typeof value.seq !== 'number' || typeof value.sessionId !== 'string') {
    throw createError('INVALID_RESPONSE', 'An event of the server lacks its number or session.')
  }
  return Object.hasOwn(EVENT_TYPES, String(value.type)) ? (value as unknown as SessionEvent) : undefined
}

function silence(): CliscaleError {
  return createError('CONNECTION_LOST', `The event stream was silent for ${SILENCE_MS} ms.`)
}

function lost(error: unknown): never {
  throw createError('CONNECTION_LOST', 'The event stream broke off.', { cause: error })
}
