import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import {
  type CreateSessionRequest,
  type CreateSessionResponse,
  RECORDING_HEADER,
  type SessionInfo,
} from '@cliscale/sdk/protocol'
import { connectTerminal, opened, type TerminalClient } from '../gateway/support/terminal-client.ts'
import { callApi } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

/** A server whose API can be called. */
export interface Api {
  readonly baseUrl: string
  readonly apiKey: string
}

/** An answer with a recording. */
export interface Fetched {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** Starts a session; recorded unless the body says otherwise. */
export async function createRecorded(
  api: Api,
  body: CreateSessionRequest = {},
): Promise<CreateSessionResponse> {
  const path = '/v1/sessions'
  const answer = await callApi(api, { method: 'POST', path, body: { recording: 'output', ...body } })
  const made = (await answer.json()) as CreateSessionResponse
  assert.equal(answer.status, 201, JSON.stringify(made))
  return made
}

/** Opens a session's terminal and gives credit for all that comes. */
export async function attach(
  t: TestContext,
  { terminal }: CreateSessionResponse,
): Promise<TerminalClient & { readonly text: () => string; readonly type: (text: string) => void }> {
  const client = connectTerminal(t, terminal.url, { token: terminal.token })
  await opened(client)
  client.send({ type: 'hello', v: 1, client: crypto.randomUUID(), columns: 80, rows: 24, input: 0 })
  await client.got('ready')
  return Object.assign(client, {
    text: () =>
      Buffer.concat(
        client.messages.map((message) =>
          message.type === 'output' ? Buffer.from(message.data) : Buffer.alloc(0),
        ),
      ).toString(),
    type: (text: string) => client.send({ type: 'input', data: Buffer.from(text) }),
  })
}

/** The session as the API shows it. */
export async function sessionOf(api: Api, id: string): Promise<SessionInfo> {
  const answer = await callApi(api, { method: 'GET', path: `/v1/sessions/${id}` })
  return (await answer.json()) as SessionInfo
}

/** What the API gives of a recording now. */
export async function fetchRecording(api: Api, id: string, method = 'GET'): Promise<Fetched> {
  const answer = await callApi(api, { method, path: `/v1/sessions/${id}/recording` })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

/** Waits until a session's recording is finished. */
export async function finished(api: Api, id: string): Promise<SessionInfo> {
  return waitFor(
    async () => {
      const info = await sessionOf(api, id)
      return info.recording !== null && info.recording.state !== 'recording' && info
    },
    { what: `the recording of ${id} to be finished` },
  )
}

/** Whether more is to come, as an answer says. */
export function completeness({ headers }: Fetched): string | null {
  return headers.get(RECORDING_HEADER)
}

/** All output of a recording; fails unless every line is whole. */
export function outputOf(text: string): string {
  assert.ok(text.endsWith('\n'), 'the last line is whole')
  const [, ...events] = text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as readonly [number, string, string])
  return events.flatMap(([, code, data]) => (code === 'o' ? [data] : [])).join('')
}
