import { connect, type Socket } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import {
  parseObject,
  RUNNER_ID_HEADER,
  RUNNER_KEEPALIVE_MS,
  RUNNER_PATHS,
  type RunnerEvent,
} from '@cliscale/sdk/protocol'
import { CodedError } from '../http/coded-error.ts'
import { endpoint, type RunnerTarget } from './runner-client.ts'
import { readEvent } from './runner-reports.ts'

/** Longest head of an answer and longest line. A runner may be run by whoever owns its command. */
const MAX_LINE_LENGTH = 65_536

/** A stream that is silent for this long is dead: keep-alives come more often. */
const SILENCE_MS = 3 * RUNNER_KEEPALIVE_MS

/** All streams are read into one buffer, one after the other: an idle stream holds none. */
const shared = Buffer.allocUnsafe(65_536)

/**
 * One connection to a runner's event stream.
 *
 * There is one for each session for all its life, so it is plain HTTP/1.0 on a socket: the body ends with the
 * connection, there is no chunking, and a third of what Node's HTTP client holds for a request is enough.
 */
export class EventFollower {
  /** Resolves when the connection is over, for whatever reason: the runner's state tells what to make of it. */
  readonly over: Promise<void>
  readonly #onEvent: (event: RunnerEvent) => void
  readonly #socket: Socket
  readonly #text = new StringDecoder('utf8')
  #rest = ''
  #headRead = false
  #failure: unknown

  /** Connects. Each event is handed to `onEvent`, the present state first. */
  constructor(target: RunnerTarget, onEvent: (event: RunnerEvent) => void) {
    this.#onEvent = onEvent
    this.#socket = connect({
      ...place(target),
      onread: { buffer: shared, callback: (length) => this.#read(length) },
    })
    this.#socket.setTimeout(SILENCE_MS, () =>
      this.#fail(new CodedError('RUNNER_UNREACHABLE', 'It fell silent.')),
    )
    this.#socket.on('error', (error) => {
      this.#failure ??= error
    })
    this.over = new Promise((resolve) => this.#socket.once('close', () => resolve()))
    this.#socket.write(requestHead(target))
    // What is read goes to the callback; only then does the end of the stream become an event.
    this.#socket.resume()
  }

  /** Why the connection is over; undefined when the runner ended it. */
  get failure(): unknown {
    return this.#failure
  }

  /** Ends the connection. */
  close(): void {
    this.#socket.destroy()
  }

  #read(length: number): boolean {
    try {
      this.#rest += this.#text.write(shared.subarray(0, length))
      if (!this.#headRead) this.#readHead()
      if (this.#headRead) this.#readLines()
      if (this.#rest.length > MAX_LINE_LENGTH)
        throw new CodedError('RUNNER_UNREACHABLE', 'A line is too long.')
    } catch (error) {
      this.#fail(error)
    }
    return true
  }

  #readHead(): void {
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end === -1) return
    const head = this.#rest.slice(0, end)
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]
    if (status === '401' || status === '403') throw new CodedError('RUNNER_REFUSED')
    if (status !== '200' || /^transfer-encoding:/im.test(head)) {
      throw new CodedError(
        'RUNNER_UNREACHABLE',
        `The runner answered ${status ?? 'something else than HTTP'}.`,
      )
    }
    this.#headRead = true
    this.#rest = this.#rest.slice(end + 4)
  }

  #readLines(): void {
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') this.#onEvent(readEvent(parseObject(line, 'event')))
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#socket.destroy()
  }
}

function place(target: RunnerTarget): { path: string } | { host: string; port: number } {
  const { socketPath, host, port } = endpoint(target.address)
  return typeof socketPath === 'string' ? { path: socketPath } : { host: host ?? '', port: Number(port) }
}

function requestHead({ runnerId, secret }: RunnerTarget): string {
  const lines = [
    `GET ${RUNNER_PATHS.events} HTTP/1.0`,
    `authorization: Bearer ${secret}`,
    `${RUNNER_ID_HEADER}: ${runnerId}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}
