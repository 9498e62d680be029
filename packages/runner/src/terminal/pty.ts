import { ReadStream } from 'node:tty'

import { type PtyExit, readExit } from './exit.ts'
import { InputQueue } from './input-queue.ts'
import { nativePty, spawnHelper } from './native.ts'
import { childrenOf, endAllOfUser, type ProcessScope, sendSignal, terminalProcesses } from './processes.ts'
import type { Sandbox } from '../isolation/bubblewrap.ts'
import type { PlacedCommand } from '../isolation/launch.ts'
import { startSandboxed, type StartedOnPty } from './sandboxed-pty.ts'
import type { Size } from './sizer.ts'
import type { WaitingSandbox } from './waiting-sandbox.ts'

/** How a command is started. */
export interface PtyOptions extends PlacedCommand, Size {
  /** Absent: a plain process of the runner's user. */
  readonly sandbox?: Sandbox
  /** Such a sandbox that was made ahead and is usable. */
  readonly waiting?: WaitingSandbox | undefined
  /** An environment entry by which processes that left the session are found. */
  readonly marker: string
  /** The user of the runner, when nothing but the session and the runner runs as it. */
  readonly user?: number | undefined
  /** A mark of the command's limits by which processes are found that left everything else behind. */
  readonly mark?: number | undefined
}

/** What a PTY tells. */
export interface PtyEvents {
  /** Output. `chunk` is valid during the call only. False stops the reading until `resume`. */
  readonly data: (chunk: Uint8Array) => boolean
  /** The command ended and everything that it wrote was given to `data`. */
  readonly exit: (exit: PtyExit) => void
}

const READ_BYTES = 65_536

/**
 * After the command's end its terminal may still be held open by a program that it left in the background, so the
 * end of output never comes. What the command itself wrote lies in the kernel by then, at most 64 KiB and a line:
 * reading stops after a pause this long, or this much time, or this many bytes.
 */
const DRAIN = { quietMs: 100, longestMs: 5_000, bytes: 131_072 } as const

/** After so long a process that SIGKILL has not ended is not ours to end, or hangs in the kernel. */
const KILL_MS = 5_000

/** Between two looks for processes that are left. */
const SWEEP_MS = 20

/** One command on one pseudo-terminal, with exactly one reader. */
export class Pty {
  readonly pid: number
  readonly input: InputQueue
  readonly #fd: number
  readonly #stream: ReadStream
  readonly #events: PtyEvents
  readonly #scope: ProcessScope
  readonly #sandboxed: boolean
  #paused = false
  #closed = false
  #exit: PtyExit | undefined
  #done = false
  #drained = 0
  #quiet: NodeJS.Timeout | undefined
  #longest: NodeJS.Timeout | undefined

  constructor(options: PtyOptions, events: PtyEvents) {
    this.#events = events
    this.#sandboxed = options.sandbox !== undefined
    const started = start(options, (exit) => this.#exited(exit))
    this.pid = started.pid
    this.#fd = started.fd
    this.#scope = {
      leader: started.pid,
      marker: options.marker,
      user: options.user,
      mark: options.mark,
    }
    this.input = new InputQueue(started.fd)
    this.#stream = this.#read(started.fd)
  }

  /** Stops reading; the kernel then blocks the program once its buffer is full. No effect after the command's end. */
  pause(): void {
    this.#paused = true
    if (this.#exit === undefined) this.#stream.pause()
  }

  /** Goes on reading. */
  resume(): void {
    this.#paused = false
    this.#stream.resume()
  }

  /** Sets the size; the kernel sends SIGWINCH. */
  resize(columns: number, rows: number): void {
    if (!this.#closed) nativePty().resize(this.#fd, columns, rows)
  }

  /**
   * Ends the command and everything that it started: SIGHUP, and SIGKILL to what is left after `graceMs`. Resolves when
   * no process is left that can be ended. Exit and output are told as usual.
   */
  async terminate(graceMs: number): Promise<void> {
    this.#hangUp()
    await this.#sweep(graceMs, () => {})
    if (this.#scope.user !== undefined) endAllOfUser()
    await this.#sweep(KILL_MS, (pid) => sendSignal(pid, 'SIGKILL'))
  }

  /**
   * Gives the command up: the terminal's descriptor is closed when this returns, which hangs its programs up. node-pty
   * does not open it close-on-exec, so a command that is started beside an open one inherits the other's master.
   */
  abandon(): void {
    this.#closed = true
    this.input.close()
    this.#stream.destroy()
  }

  #read(fd: number): ReadStream {
    const stream = new ReadStream(fd, {
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (length: number, buffer: Uint8Array) => this.#onData(buffer.subarray(0, length)),
      },
    })
    // EIO is how Linux says that nobody holds the other end any more; `close` follows each error.
    stream.on('error', () => {})
    stream.on('close', () => this.#onClose())
    stream.resume()
    return stream
  }

  #onData(chunk: Uint8Array): boolean {
    if (this.#done) return true
    const more = this.#events.data(chunk)
    if (this.#exit === undefined) {
      this.#paused = !more
      return more
    }
    this.#drained += chunk.length
    if (this.#drained >= DRAIN.bytes) this.#finish()
    else this.#quiet?.refresh()
    return true
  }

  #onClose(): void {
    this.#closed = true
    this.input.close()
    if (this.#exit !== undefined) this.#finish()
  }

  #exited(exit: PtyExit): void {
    this.#exit = exit
    if (this.#closed) {
      this.#finish()
      return
    }
    this.#quiet = setTimeout(() => this.#finishUnlessReadable(), DRAIN.quietMs)
    this.#longest = setTimeout(() => this.#finish(), DRAIN.longestMs)
    if (this.#paused) this.#stream.resume()
  }

  /** Timers run before reads: after a stalled event loop there may be output that nobody could fetch in time. */
  #finishUnlessReadable(): void {
    const before = this.#drained
    setImmediate(() => {
      if (this.#drained === before) this.#finish()
      else this.#quiet?.refresh()
    })
  }

  #finish(): void {
    if (this.#done || this.#exit === undefined) return
    this.#done = true
    clearTimeout(this.#quiet)
    clearTimeout(this.#longest)
    this.input.close()
    this.#closed = true
    this.#stream.destroy()
    this.#events.exit(this.#exit)
  }

  #hangUp(): void {
    const spared = this.#sandboxed ? this.#sandboxProcesses() : new Set<number>()
    for (const pid of terminalProcesses(this.#scope)) {
      if (spared.has(pid)) continue
      sendSignal(pid, 'SIGHUP')
      sendSignal(pid, 'SIGCONT')
    }
  }

  /** bwrap and the first process of its namespace: they end by themselves with the command, or take all with them. */
  #sandboxProcesses(): ReadonlySet<number> {
    return new Set([this.pid, ...childrenOf(this.pid)])
  }

  async #sweep(forMs: number, act: (pid: number) => void): Promise<void> {
    const until = performance.now() + forMs
    for (let left = this.#left(); left.length > 0 && performance.now() < until; left = this.#left()) {
      left.forEach(act)
      await new Promise((resolve) => setTimeout(resolve, SWEEP_MS))
    }
  }

  #left(): readonly number[] {
    return terminalProcesses(this.#scope)
  }
}

function start(options: PtyOptions, exited: (exit: PtyExit) => void): StartedOnPty {
  const { sandbox, waiting } = options
  if (sandbox === undefined) return fork(options, exited)
  return waiting === undefined ? startSandboxed(options, sandbox, exited) : waiting.begin(options, exited)
}

function fork(options: PtyOptions, exited: (exit: PtyExit) => void): StartedOnPty {
  const { launch, env, cwd, columns, rows } = options
  const entries = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const onExit = (code: number, signal: number): void => exited(readExit(code, signal))
  return nativePty().fork(
    launch.file,
    launch.args,
    entries,
    cwd,
    columns,
    rows,
    -1,
    -1,
    true,
    spawnHelper(),
    onExit,
  )
}
