import { isRole } from './claims.ts'
import {
  boolean,
  integer,
  isObject,
  type JsonObject,
  MalformedMessage,
  oneOf,
  parseObject,
  string,
} from './json.ts'
import { MAX_CLIENT_FRAME_BYTES, MAX_HEARTBEAT_BYTES, MAX_TITLE_LENGTH } from './limits.ts'
import {
  CLIENT_OPCODES,
  type ClientMessage,
  type HelloMessage,
  type ReadyMessage,
  SERVER_OPCODES,
  type ServerMessage,
  type TerminalError,
} from './messages.ts'
import {
  END_REASONS,
  type Failure,
  PHASES,
  type PhaseProgress,
  type PhaseReport,
  type SessionExit,
} from './phases.ts'
import { fromUtf8, toUtf8 } from './text.ts'

export { MalformedMessage } from './json.ts'

const MAX_MESSAGE_TEXT = 4_096
const MAX_CLIENT_ID = 64
const MAX_EPOCH = 64
const MAX_CODE = 64
const DECIMAL = /^(?:0|[1-9][0-9]{0,15})$/

/** Encodes a client's message into one WebSocket payload. */
export function encodeClientMessage(message: ClientMessage): Uint8Array {
  switch (message.type) {
    case 'hello':
      return toUtf8(JSON.stringify(helloJson(message)))
    case 'input':
      return frame(CLIENT_OPCODES.input, message.data)
    case 'resize':
      return textFrame(
        CLIENT_OPCODES.resize,
        JSON.stringify({ columns: message.columns, rows: message.rows }),
      )
    case 'pause':
      return frame(CLIENT_OPCODES.pause, EMPTY)
    case 'resume':
      return frame(CLIENT_OPCODES.resume, EMPTY)
    case 'credit':
      return textFrame(CLIENT_OPCODES.credit, String(message.offset))
    case 'drive':
      return frame(CLIENT_OPCODES.drive, EMPTY)
    case 'heartbeat':
      return frame(CLIENT_OPCODES.heartbeat, message.data)
  }
}

/**
 * Decodes one WebSocket payload from a client. `data` of the result is a view into `payload`, not a copy.
 *
 * @throws {MalformedMessage} for anything that is not of the contract
 */
export function decodeClientMessage(payload: Uint8Array): ClientMessage {
  if (payload.length > MAX_CLIENT_FRAME_BYTES) throw new MalformedMessage('the message is too large')
  const body = payload.subarray(1)
  switch (payload[0]) {
    case CLIENT_OPCODES.hello:
      return decodeHello(payload)
    case CLIENT_OPCODES.input:
      return { type: 'input', data: body }
    case CLIENT_OPCODES.resize: {
      const json = parseObject(fromUtf8(body), 'resize')
      return { type: 'resize', columns: integer(json, 'columns', 0), rows: integer(json, 'rows', 0) }
    }
    case CLIENT_OPCODES.pause:
      return { type: 'pause' }
    case CLIENT_OPCODES.resume:
      return { type: 'resume' }
    case CLIENT_OPCODES.credit:
      return { type: 'credit', offset: decimal(body, 'credit') }
    case CLIENT_OPCODES.drive:
      return { type: 'drive' }
    case CLIENT_OPCODES.heartbeat:
      return { type: 'heartbeat', data: heartbeat(body) }
    default:
      throw unknownOpcode(payload)
  }
}

/** Encodes a server's message into one WebSocket payload. */
export function encodeServerMessage(message: ServerMessage): Uint8Array {
  switch (message.type) {
    case 'output':
      return frame(SERVER_OPCODES.output, message.data)
    case 'title':
      return textFrame(SERVER_OPCODES.title, shortTitle(message.title))
    case 'preferences':
      return textFrame(SERVER_OPCODES.preferences, JSON.stringify(message.preferences))
    case 'phase':
      return textFrame(SERVER_OPCODES.phase, JSON.stringify(message.report))
    case 'ready':
      return textFrame(SERVER_OPCODES.ready, withoutType(message))
    case 'snapshot':
      return frame(SERVER_OPCODES.snapshot, message.data)
    case 'inputAck':
      return textFrame(SERVER_OPCODES.inputAck, String(message.offset))
    case 'size':
      return textFrame(SERVER_OPCODES.size, withoutType(message))
    case 'exit':
      return textFrame(SERVER_OPCODES.exit, JSON.stringify(message.exit))
    case 'error':
      return textFrame(SERVER_OPCODES.error, JSON.stringify(message.error))
    case 'heartbeat':
      return frame(SERVER_OPCODES.heartbeat, message.data)
  }
}

/**
 * Decodes one WebSocket payload from a server. `data` of the result is a view into `payload`, not a copy.
 * Unknown JSON fields are ignored, so that newer servers may add some.
 *
 * @throws {MalformedMessage} for anything that is not of the contract
 */
export function decodeServerMessage(payload: Uint8Array): ServerMessage {
  const body = payload.subarray(1)
  switch (payload[0]) {
    case SERVER_OPCODES.output:
      return { type: 'output', data: body }
    case SERVER_OPCODES.title:
      return { type: 'title', title: shortTitle(fromUtf8(body)) }
    case SERVER_OPCODES.preferences:
      return { type: 'preferences', preferences: parseObject(fromUtf8(body), 'preferences') }
    case SERVER_OPCODES.phase:
      return { type: 'phase', report: phaseReport(parseObject(fromUtf8(body), 'phase')) }
    case SERVER_OPCODES.ready:
      return ready(parseObject(fromUtf8(body), 'ready'))
    case SERVER_OPCODES.snapshot:
      return { type: 'snapshot', data: body }
    case SERVER_OPCODES.inputAck:
      return { type: 'inputAck', offset: decimal(body, 'input acknowledgement') }
    case SERVER_OPCODES.size:
      return size(parseObject(fromUtf8(body), 'size'))
    case SERVER_OPCODES.exit:
      return { type: 'exit', exit: sessionExit(parseObject(fromUtf8(body), 'exit')) }
    case SERVER_OPCODES.error:
      return { type: 'error', error: terminalError(parseObject(fromUtf8(body), 'error')) }
    case SERVER_OPCODES.heartbeat:
      return { type: 'heartbeat', data: heartbeat(body) }
    default:
      throw unknownOpcode(payload)
  }
}

const EMPTY = new Uint8Array(0)

function frame(opcode: number, data: Uint8Array): Uint8Array {
  const payload = new Uint8Array(data.length + 1)
  payload[0] = opcode
  payload.set(data, 1)
  return payload
}

function textFrame(opcode: number, text: string): Uint8Array {
  return frame(opcode, toUtf8(text))
}

/** As much of a title as is passed on, and no half of a character at its end. */
function shortTitle(title: string): string {
  const short = title.slice(0, MAX_TITLE_LENGTH)
  return short.length < title.length ? short.replace(/[\uD800-\uDBFF]$/, '') : short
}

function withoutType(message: object): string {
  return JSON.stringify(message, (key, value: unknown) => (key === 'type' ? undefined : value))
}

function helloJson(message: HelloMessage): JsonObject {
  const { type: _type, ...fields } = message
  return fields
}

function decodeHello(payload: Uint8Array): HelloMessage {
  const json = parseObject(fromUtf8(payload), 'hello')
  return {
    type: 'hello',
    columns: integer(json, 'columns', 0),
    rows: integer(json, 'rows', 0),
    ...(json.v === undefined ? {} : { v: integer(json, 'v', 1) }),
    ...(json.client === undefined ? {} : { client: string(json, 'client', MAX_CLIENT_ID) }),
    ...(json.input === undefined ? {} : { input: integer(json, 'input', 0) }),
    ...(json.resume === undefined ? {} : { resume: resumePoint(json.resume) }),
  }
}

function resumePoint(value: unknown): NonNullable<HelloMessage['resume']> {
  if (!isObject(value)) throw new MalformedMessage('resume must be an object')
  return { epoch: string(value, 'epoch', MAX_EPOCH), offset: integer(value, 'offset', 0) }
}

function ready(json: JsonObject): ReadyMessage {
  if (!isRole(json.role)) throw new MalformedMessage('role must be driver or observer')
  return {
    type: 'ready',
    epoch: string(json, 'epoch', MAX_EPOCH),
    offset: integer(json, 'offset', 0),
    mode: oneOf(json, 'mode', ['fresh', 'delta', 'snapshot']),
    ...(json.truncatedFrom === undefined ? {} : { truncatedFrom: integer(json, 'truncatedFrom', 0) }),
    replayBytes: integer(json, 'replayBytes', 0),
    inputOffset: integer(json, 'inputOffset', 0),
    columns: integer(json, 'columns', 1),
    rows: integer(json, 'rows', 1),
    role: json.role,
    driver: boolean(json, 'driver'),
  }
}

function size(json: JsonObject): ServerMessage {
  return {
    type: 'size',
    columns: integer(json, 'columns', 1),
    rows: integer(json, 'rows', 1),
    driver: boolean(json, 'driver'),
    clients: integer(json, 'clients', 0),
  }
}

/** Reads a phase report. @throws {MalformedMessage} */
export function phaseReport(json: JsonObject): PhaseReport {
  return {
    phase: oneOf(json, 'phase', PHASES),
    ...(json.message === undefined ? {} : { message: string(json, 'message', MAX_MESSAGE_TEXT) }),
    ...(json.progress === undefined ? {} : { progress: phaseProgress(json.progress) }),
    ...(json.queuePosition === undefined ? {} : { queuePosition: integer(json, 'queuePosition', 1) }),
  }
}

function phaseProgress(value: unknown): PhaseProgress {
  if (!isObject(value)) throw new MalformedMessage('progress must be an object')
  return {
    done: integer(value, 'done', 0),
    total: value.total === null ? null : integer(value, 'total', 0),
    unit: oneOf(value, 'unit', ['bytes', 'entries']),
  }
}

/** Reads an exit. @throws {MalformedMessage} */
export function sessionExit(json: JsonObject): SessionExit {
  return {
    code: json.code === null ? null : integer(json, 'code', 0),
    signal: json.signal === null ? null : string(json, 'signal', 32),
    reason: oneOf(json, 'reason', END_REASONS),
    ...(json.failure === undefined ? {} : { failure: failure(json.failure) }),
  }
}

function failure(value: unknown): Failure {
  if (!isObject(value)) throw new MalformedMessage('failure must be an object')
  return {
    code: string(value, 'code', MAX_CODE),
    message: string(value, 'message', MAX_MESSAGE_TEXT),
    ...(value.hint === undefined ? {} : { hint: string(value, 'hint', MAX_MESSAGE_TEXT) }),
  }
}

function terminalError(json: JsonObject): TerminalError {
  return {
    code: string(json, 'code', MAX_CODE),
    message: string(json, 'message', MAX_MESSAGE_TEXT),
    retryable: boolean(json, 'retryable'),
    ...(json.retryAfterMs === undefined ? {} : { retryAfterMs: integer(json, 'retryAfterMs', 0) }),
    ...(json.requestId === undefined ? {} : { requestId: string(json, 'requestId', 128) }),
  }
}

function decimal(body: Uint8Array, what: string): number {
  const text = body.length > 16 ? '' : fromUtf8(body)
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new MalformedMessage(`${what} must be a decimal offset`)
  return value
}

function heartbeat(body: Uint8Array): Uint8Array {
  if (body.length > MAX_HEARTBEAT_BYTES) throw new MalformedMessage('the heartbeat is too long')
  return body
}

function unknownOpcode(payload: Uint8Array): MalformedMessage {
  const opcode = payload[0]
  return new MalformedMessage(
    opcode === undefined ? 'the message is empty' : `there is no message type 0x${opcode.toString(16)}`,
  )
}
