import { createError } from './create-error.ts'
import { followEvents } from './http/follow-events.ts'
import type { HttpClient } from './http/http-client.ts'
import type { CallOptions, CreateTokenOptions, EventsOptions, UpdateSessionOptions } from './options.ts'
import {
  type CreateSessionRequest,
  type CreateSessionResponse,
  isObject,
  RECORDING_MEDIA_TYPE,
  type SessionEvent,
  type SessionInfo,
  type TerminalAccess,
} from './protocol/index.ts'
import { type Recording, toRecording } from './recording.ts'

/** The calls on sessions as the server has them: one method per route, answers checked for their shape. */
export class SessionsApi {
  readonly http: HttpClient

  constructor(http: HttpClient) {
    this.http = http
  }

  async create(body: CreateSessionRequest, key: string, call: CallOptions): Promise<CreateSessionResponse> {
    const headers = { 'idempotency-key': key }
    const answer = await this.http.request({ method: 'POST', path: '/v1/sessions', body, headers }, call)
    if (!isObject(answer)) throw createError('INVALID_RESPONSE')
    return { session: toSessionInfo(answer.session), terminal: toTerminalAccess(answer.terminal) }
  }

  async get(id: string, call: CallOptions): Promise<SessionInfo> {
    return toSessionInfo(await this.http.request({ method: 'GET', path: pathOf(id) }, call))
  }

  async update(id: string, options: UpdateSessionOptions): Promise<SessionInfo> {
    const { lifetimeSeconds, metadata, ...call } = options
    const body = { lifetimeSeconds, metadata }
    return toSessionInfo(await this.http.request({ method: 'PATCH', path: pathOf(id), body }, call))
  }

  async kill(id: string, call: CallOptions): Promise<SessionInfo> {
    return toSessionInfo(await this.http.request({ method: 'DELETE', path: pathOf(id) }, call))
  }

  async createToken(id: string, options: CreateTokenOptions): Promise<TerminalAccess> {
    const { role, ttlSeconds, ...call } = options
    const request = { method: 'POST', path: `${pathOf(id)}/tokens`, body: { role, ttlSeconds } } as const
    return toTerminalAccess(await this.http.request(request, call))
  }

  async recording(id: string, call: CallOptions): Promise<Recording> {
    const headers = { accept: `${RECORDING_MEDIA_TYPE}, application/json;q=0.9` }
    return await toRecording(
      await this.http.download({ method: 'GET', path: `${pathOf(id)}/recording`, headers }, call),
    )
  }

  async deleteRecording(id: string, call: CallOptions): Promise<void> {
    await this.http.request({ method: 'DELETE', path: `${pathOf(id)}/recording` }, call)
  }

  events(id: string | undefined, options: EventsOptions): AsyncGenerator<SessionEvent> {
    return followEvents(this.http, {
      path: id === undefined ? '/v1/events' : `${pathOf(id)}/events`,
      afterSeq: options.afterSeq ?? 0,
      signal: options.signal ?? new AbortController().signal,
      isLast: (event) => id !== undefined && event.type === 'ended',
    })
  }
}

function pathOf(id: string): string {
  if (id === '') throw createError('BAD_REQUEST', 'The session id is empty.')
  return `/v1/sessions/${encodeURIComponent(id)}`
}

function toSessionInfo(value: unknown): SessionInfo {
  if (isObject(value) && typeof value.id === 'string' && typeof value.state === 'string') {
    return value as unknown as SessionInfo
  }
  throw createError('INVALID_RESPONSE', 'The server answered without a session.')
}

function toTerminalAccess(value: unknown): TerminalAccess {
  if (isObject(value) && typeof value.url === 'string' && typeof value.token === 'string') {
    return value as unknown as TerminalAccess
  }
  throw createError('INVALID_RESPONSE', 'The server answered without access to the terminal.')
}
