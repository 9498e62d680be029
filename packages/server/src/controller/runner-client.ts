import { type ClientRequest, type IncomingMessage, request, type RequestOptions } from 'node:http'
import {
  type Assignment,
  parseObject,
  RUNNER_ID_HEADER,
  RUNNER_PATHS,
  RUNNER_RECORDING_HEADERS,
  type RunnerStatus,
  type StopRequest,
  type UpdateAssignment,
} from '@cliscale/sdk/protocol'
import type { RunnerAddress } from '../drivers/driver.ts'
import { CodedError } from '../http/coded-error.ts'
import { readStatus } from './runner-reports.ts'

/** Longest answer, in bytes. A runner may be run by whoever owns its command. */
const MAX_ANSWER_BYTES = 65_536

/** Which runner, and how to prove oneself to it. */
export interface RunnerTarget {
  readonly runnerId: string
  readonly address: RunnerAddress
  readonly secret: string
}

/** Gives a blank runner its session. @throws {CodedError} `RUNNER_UNREACHABLE`, `RUNNER_REFUSED`, `CONFLICT` */
export async function assign(target: RunnerTarget, body: Assignment, signal: AbortSignal): Promise<void> {
  await post(target, RUNNER_PATHS.assign, body, signal)
}

/** Asks a runner to end its command and then itself. @throws {CodedError} as {@link assign} */
export async function stop(target: RunnerTarget, body: StopRequest, signal: AbortSignal): Promise<void> {
  await post(target, RUNNER_PATHS.stop, body, signal)
}

/** Changes a session that runs. @throws {CodedError} as {@link assign} */
export async function update(
  target: RunnerTarget,
  body: UpdateAssignment,
  signal: AbortSignal,
): Promise<void> {
  await post(target, RUNNER_PATHS.update, body, signal)
}

/** Where a runner is. @throws {CodedError} as {@link assign} */
export async function status(target: RunnerTarget, signal: AbortSignal): Promise<RunnerStatus> {
  const answer = await send(target, { path: RUNNER_PATHS.status, signal })
  return readStatus(parseObject(await bodyOf(answer), 'status'))
}

/** A part of a recording, and where the recording was then. */
export interface RecordingPart {
  readonly state: 'open' | 'complete' | 'failed'
  /** Size of the whole. */
  readonly total: number
  /** Must be read or destroyed. */
  readonly body: IncomingMessage
}

/** What a runner recorded from `offset` on; null when it records nothing. @throws {CodedError} as {@link assign} */
export async function readRecording(
  target: RunnerTarget,
  offset: number,
  signal: AbortSignal,
): Promise<RecordingPart | null> {
  const path = `${RUNNER_PATHS.recording}?offset=${offset}`
  try {
    const body = await send(target, { path, signal })
    const state = body.headers[RUNNER_RECORDING_HEADERS.state]
    const total = Number(body.headers[RUNNER_RECORDING_HEADERS.total])
    const length = Number(body.headers['content-length'])
    const isKnown = state === 'open' || state === 'complete' || state === 'failed'
    // The length is held to by the HTTP parser: so no more comes than was said.
    if (isKnown && Number.isSafeInteger(total) && length === total - offset) return { state, total, body }
    body.destroy()
    throw new CodedError('RUNNER_UNREACHABLE', 'The runner answered something that is not of the contract.')
  } catch (error) {
    if (error instanceof CodedError && error.code === 'NOT_FOUND') return null
    throw error
  }
}

async function post(target: RunnerTarget, path: string, body: object, signal: AbortSignal): Promise<void> {
  await bodyOf(await send(target, { path, signal }, JSON.stringify(body)))
}

async function send(target: RunnerTarget, what: RequestOptions, body?: string): Promise<IncomingMessage> {
  const answer = await exchange(target, what, body).catch((error: unknown) => {
    throw unreachable(error)
  })
  const status = answer.statusCode ?? 0
  if (status >= 200 && status < 300) return answer
  const text = await bodyOf(answer)
  if (status === 401 || status === 403) throw new CodedError('RUNNER_REFUSED')
  const code = ({ 404: 'NOT_FOUND', 409: 'CONFLICT' } as const)[status] ?? 'RUNNER_UNREACHABLE'
  throw new CodedError(code, `The runner answered ${status}.`, {
    cause: text,
  })
}

function exchange(
  target: RunnerTarget,
  what: RequestOptions,
  body: string | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked: ClientRequest = request({
      ...endpoint(target.address),
      ...what,
      method: body === undefined ? 'GET' : 'POST',
      agent: false,
      headers: {
        authorization: `Bearer ${target.secret}`,
        [RUNNER_ID_HEADER]: target.runnerId,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
    })
    asked.once('response', resolve)
    asked.on('error', reject)
    asked.end(body)
  })
}

/** Options of `http.request` for an address. */
export function endpoint(address: RunnerAddress): RequestOptions {
  if (address.startsWith('unix:')) return { socketPath: address.slice('unix:'.length) }
  const colon = address.lastIndexOf(':')
  return { host: address.slice('tcp:'.length, colon), port: Number(address.slice(colon + 1)) }
}

async function bodyOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES)
      throw new CodedError('RUNNER_UNREACHABLE', 'The answer of the runner is too long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unreachable(cause: unknown): CodedError {
  return cause instanceof CodedError ? cause : new CodedError('RUNNER_UNREACHABLE', undefined, { cause })
}
