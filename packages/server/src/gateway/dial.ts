import { randomFillSync } from 'node:crypto'
import { connect, type OnReadOpts, type Socket } from 'node:net'
import {
  type ErrorCode,
  REQUEST_ID_HEADER,
  type Role,
  ROLE_HEADER,
  RUNNER_ID_HEADER,
  RUNNER_PATHS,
  type TerminalSubprotocol,
} from '@cliscale/sdk/protocol'
import { acceptKey } from './handshake.ts'
import { type Link, type LinkedSocket, linkOf } from './link.ts'
import { connectOptions, type DialTarget } from './runner-address.ts'

/** Whom to dial, and as whom. */
export interface DialRequest {
  readonly target: DialTarget
  readonly runnerId: string
  readonly secret: string
  readonly role: Role
  readonly subprotocol: TerminalSubprotocol
  readonly requestId: string
  readonly timeoutMs: number
  readonly highWaterMark: number
  readonly reads: RunnerReads
}

/** How runners' sockets are read: without an allocation for each read, so with buffers that somebody keeps. */
export interface RunnerReads {
  /** What to read into next. */
  readonly readBuffer: () => Buffer
  /** A copy of what was read. */
  readonly copyOfRead: (length: number, buffer: Buffer) => Buffer
  /** What was read belongs to a link. */
  readonly runnerRead: (link: Link, length: number, buffer: Buffer) => void
}

const ATTEMPT = Symbol('cliscale.dial')

interface DialledSocket extends LinkedSocket {
  [ATTEMPT]?: Attempt | undefined
}

/** One object for all sockets of a {@link RunnerReads}: Node calls it as a method of the socket. */
const onreads = new WeakMap<RunnerReads, OnReadOpts>()

function onreadOf(reads: RunnerReads): OnReadOpts {
  const known = onreads.get(reads)
  if (known !== undefined) return known
  const onread = {
    buffer: reads.readBuffer,
    callback(this: DialledSocket, length: number, buffer: Buffer): boolean {
      const link = linkOf(this)
      if (link === undefined) this[ATTEMPT]?.onData(reads.copyOfRead(length, buffer))
      else reads.runnerRead(link, length, buffer)
      return true
    },
  } as unknown as OnReadOpts
  onreads.set(reads, onread)
  return onread
}

/** A runner that answered: its socket, and the bytes that came behind the handshake. */
export interface DialedRunner {
  readonly socket: Socket
  readonly head: Buffer
}

/** What is known of an attempt when it is over: how long the connection took, and the runner's answer after it. */
export interface DialTimes {
  readonly connectSeconds: number
  /** Null when there was no connection. */
  readonly answerSeconds: number | null
}

/** Why a runner could not be had. */
export interface DialFailure {
  readonly code: Extract<ErrorCode, 'RUNNER_UNREACHABLE' | 'RUNNER_REFUSED' | 'TOO_MANY_CLIENTS'>
  /** For the log; never shown to a client. */
  readonly detail: string
}

/** Takes the outcome of an attempt. */
export type DialDone = (result: DialedRunner | DialFailure, times: DialTimes) => void

/** An attempt that is under way. */
export interface Dialling {
  /** Ends it; its callback is not called any more. */
  cancel(): void
}

const MAX_ANSWER_BYTES = 8_192
const HEAD_END = Buffer.from('\r\n\r\n')
const POOL = Buffer.alloc(4_096)
let poolAt = POOL.length

/** 16 random bytes in base64, cut from a pool because a system call for each costs more than the dial's own code. */
function newKey(): string {
  if (poolAt === POOL.length) {
    randomFillSync(POOL)
    poolAt = 0
  }
  poolAt += 16
  return POOL.toString('base64', poolAt - 16, poolAt)
}

/**
 * Connects to a runner and shakes hands (RFC 6455 §4.1) with its own secret, so that another runner at a reused address
 * refuses. The callback is called once: with the runner, whose handlers it must set at once, or with why not.
 */
export function dial(request: DialRequest, done: DialDone): Dialling {
  return new Attempt(request, done)
}

class Attempt implements Dialling {
  private readonly done: DialDone
  private readonly startedAt = performance.now()
  private connectedAt = 0
  private readonly socket: DialledSocket
  private readonly accept: string
  private readonly subprotocol: string
  private readonly timer: NodeJS.Timeout
  private answer: Buffer | null = null
  private settled = false

  constructor(request: DialRequest, done: DialDone) {
    const key = newKey()
    this.done = done
    this.accept = acceptKey(key)
    this.subprotocol = request.subprotocol
    const options = {
      ...connectOptions(request.target),
      allowHalfOpen: true,
      highWaterMark: request.highWaterMark,
      onread: onreadOf(request.reads),
    }
    this.socket = connect(options)
    this.socket[ATTEMPT] = this
    this.socket.write(requestText(request, key), 'latin1')
    this.socket.on('error', onError)
    this.socket.on('end', onEnd)
    this.socket.on('connect', onConnect)
    this.timer = setTimeout(onTimeout, request.timeoutMs, this)
  }

  cancel(): void {
    if (this.settle()) this.socket.destroy()
  }

  /** The connection stands; the request is on its way. */
  connected(): void {
    this.connectedAt = performance.now()
  }

  private times(): DialTimes {
    const now = performance.now()
    const connected = this.connectedAt > 0
    return {
      connectSeconds: ((connected ? this.connectedAt : now) - this.startedAt) / 1_000,
      answerSeconds: connected ? (now - this.connectedAt) / 1_000 : null,
    }
  }

  /** Bytes of the answer. */
  onData(chunk: Buffer): void {
    this.answer = this.answer === null ? chunk : Buffer.concat([this.answer, chunk])
    const end = this.answer.indexOf(HEAD_END)
    if (end >= 0 && end < MAX_ANSWER_BYTES)
      this.judge(this.answer.toString('latin1', 0, end), end + HEAD_END.length)
    else if (this.answer.length > MAX_ANSWER_BYTES) this.fail('RUNNER_UNREACHABLE', 'the answer is too long')
  }

  private judge(head: string, end: number): void {
    const { status, accept, subprotocol, extensions } = readAnswer(head)
    if (status !== '101') return this.refused(status)
    if (accept !== this.accept) return this.bad('a wrong accept key')
    if (subprotocol !== this.subprotocol) return this.bad('another subprotocol')
    if (extensions !== undefined) return this.bad('an extension that was not offered')
    const rest = this.answer?.subarray(end)
    if (!this.settle()) return
    const behind = rest === undefined || rest.length === 0 ? NOTHING : rest
    this.done({ socket: this.socket, head: behind }, this.times())
  }

  private refused(status: string | undefined): void {
    if (status === '401' || status === '403') return this.fail('RUNNER_REFUSED', `status ${status}`)
    if (status === '429') return this.fail('TOO_MANY_CLIENTS', 'status 429')
    this.fail('RUNNER_UNREACHABLE', status === undefined ? 'the answer is not HTTP' : `status ${status}`)
  }

  private bad(what: string): void {
    this.fail('RUNNER_REFUSED', `the answer has ${what}`)
  }

  /** Gives up, unless it is over. */
  fail(code: DialFailure['code'], detail: string): void {
    if (!this.settle()) return
    this.socket.destroy()
    this.done({ code, detail }, this.times())
  }

  /** Lets go of the socket; false when that was done before. */
  private settle(): boolean {
    if (this.settled) return false
    this.settled = true
    clearTimeout(this.timer)
    this.socket[ATTEMPT] = undefined
    this.socket.off('end', onEnd)
    this.socket.off('error', onError)
    this.socket.off('connect', onConnect)
    this.socket.on('error', ignore)
    return true
  }
}

// One set of handlers for all sockets: they find their attempt through the socket.
function onConnect(this: DialledSocket): void {
  this[ATTEMPT]?.connected()
}

function onError(this: DialledSocket, error: NodeJS.ErrnoException): void {
  this[ATTEMPT]?.fail('RUNNER_UNREACHABLE', error.code ?? error.message)
}

function onEnd(this: DialledSocket): void {
  this[ATTEMPT]?.fail('RUNNER_UNREACHABLE', 'the connection ended before the answer')
}

function onTimeout(attempt: Attempt): void {
  attempt.fail('RUNNER_UNREACHABLE', 'no answer in time')
}

const NOTHING = Buffer.alloc(0)

/** `close` follows every error and says enough; without a handler Node would end the process. */
export function ignore(): void {}

/** What counts of a runner's answer; undefined what it does not have. */
interface Answer {
  status: string | undefined
  accept: string | undefined
  subprotocol: string | undefined
  extensions: string | undefined
}

const STATUS = /^HTTP\/1\.1 (\d{3})(?: |$)/

function readAnswer(head: string): Answer {
  const [first = '', ...lines] = head.split('\r\n')
  const answer: Answer = {
    status: STATUS.exec(first)?.[1],
    accept: undefined,
    subprotocol: undefined,
    extensions: undefined,
  }
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (name === 'sec-websocket-accept') answer.accept = line.slice(colon + 1).trim()
    else if (name === 'sec-websocket-protocol') answer.subprotocol = line.slice(colon + 1).trim()
    else if (name === 'sec-websocket-extensions') answer.extensions = line.slice(colon + 1).trim()
  }
  return answer
}

function requestText(request: DialRequest, key: string): string {
  return (
    `GET ${RUNNER_PATHS.terminal} HTTP/1.1\r\nHost: runner\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: ${request.subprotocol}\r\n` +
    `Authorization: Bearer ${request.secret}\r\n${RUNNER_ID_HEADER}: ${request.runnerId}\r\n` +
    `${ROLE_HEADER}: ${request.role}\r\n${REQUEST_ID_HEADER}: ${request.requestId}\r\n\r\n`
  )
}
