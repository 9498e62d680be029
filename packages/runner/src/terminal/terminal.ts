import { CREDIT_WINDOW_BYTES, type SessionExit } from '@cliscale/sdk/protocol'

import { Absence } from './absence.ts'
import type { Client } from './client.ts'
import type { Recorder } from '../recording/recorder.ts'
import { Stopwatch } from './figures.ts'
import { History, type HistoryOptions } from './history.ts'
import type { PtyExit } from './exit.ts'
import { Pty, type PtyOptions } from './pty.ts'
import { Seat } from './seat.ts'
import { type Size, Sizer } from './sizer.ts'

/** Input that came before there was a program to read it. */
interface EarlyInput {
  readonly data: Uint8Array
  readonly written: () => void
}

/** Output that a driver gets within this time after a program wrote it is answered as if it were live. */
const ANSWERABLE_MS = 2_000

/** Output is gathered when a piece at least this large follows the last one within this time. */
const FLOOD = { bytes: 2_048, withinMs: 2, gatherMs: 1 } as const

/** What a terminal tells. */
export interface TerminalEvents {
  /** There is more output, or room to send it. Called at most once per turn of the event loop. */
  readonly output: () => void
  /** The program ended and all its output is in the history. */
  readonly exited: (exit: PtyExit) => void
  readonly resized: (size: Size) => void
  /** A byte went in either direction. */
  readonly activity: () => void
}

/** A session's terminal: one PTY, its history, its size, its driver, and the valve between the PTY and the driver. */
export class Terminal {
  readonly history: History
  readonly seat: Seat = new Seat()
  readonly sizer: Sizer
  /** Largest number of output bytes that are sent but not confirmed. */
  readonly window: number
  /** Set once there is nothing more to come. */
  exit: SessionExit | undefined
  readonly #events: TerminalEvents
  readonly #recorder: Recorder | undefined
  readonly #absence: Absence = new Absence()
  #pty: Pty | undefined
  readonly #held: Stopwatch = new Stopwatch()
  #flushing = false
  #flushedAt = 0
  #flushedBytes = 0
  #flushedTo = 0
  #early: EarlyInput[] = []
  #earlyBytes = 0
  #unansweredFrom = -1
  #unansweredSince = 0

  /** @param recorder writes down what goes through the terminal */
  constructor(options: HistoryOptions, events: TerminalEvents, recorder?: Recorder) {
    this.#events = events
    this.#recorder = recorder
    this.history = new History(options, () => this.gate())
    this.window = Math.min(CREDIT_WINDOW_BYTES, options.ringBytes / 4)
    this.sizer = new Sizer(options, {
      apply: (size) => this.#pty?.resize(size.columns, size.rows),
      changed: (size) => {
        this.history.resized(size.columns, size.rows)
        recorder?.resize(size)
        events.resized(size)
      },
    })
  }

  /** Input bytes that the program has not taken yet. */
  get pendingInput(): number {
    return this.#pty?.input.pendingBytes ?? this.#earlyBytes
  }

  /** How long the PTY was not read, in milliseconds. */
  get pausedMs(): number {
    return this.#held.ms
  }

  /** Output bytes that the driver, here or expected back, has not confirmed; at most the ring. */
  get unackedBytes(): number {
    const { head, capacity } = this.history.ring
    return Math.min(head - (this.#confirmedByDriver() ?? head), capacity)
  }

  /** True once there is output to attach to. */
  get started(): boolean {
    return this.#pty !== undefined || this.exit !== undefined
  }

  /** Starts the program in the present size. @returns its process */
  start(options: Omit<PtyOptions, keyof Size>): number {
    this.#recorder?.begin()
    const pty = new Pty(
      { ...options, ...this.sizer.size },
      { data: (chunk) => this.#onData(chunk), exit: (exit) => this.#events.exited(exit) },
    )
    this.#pty = pty
    for (const { data, written } of this.#early) pty.input.push(data, written)
    this.#early = []
    this.#earlyBytes = 0
    return pty.pid
  }

  /** Shows a line of the runner's own. */
  print(text: string): void {
    const line = Buffer.from(text)
    this.#recorder?.output(line)
    this.history.append(line)
    this.#flushSoon()
  }

  /** Types. `written` is called when the program can read all of it. */
  type(data: Uint8Array, written: () => void): void {
    this.#events.activity()
    this.#recorder?.input(data)
    if (this.exit !== undefined) written()
    else if (this.#pty !== undefined) this.#pty.input.push(data, written)
    else {
      this.#early.push({ data: Uint8Array.from(data), written })
      this.#earlyBytes += data.length
    }
  }

  /** Ends the program and all that it started. */
  async terminate(graceMs: number): Promise<void> {
    await this.#pty?.terminate(graceMs)
  }

  /** Gives the program up; no descriptor of its terminal is open when this returns. */
  abandon(): void {
    this.#pty?.abandon()
  }

  /** A client joins. True when it drives from now on. */
  join(client: Client): boolean {
    const drives = this.seat.join(client)
    if (drives) this.#absence.end()
    return drives
  }

  /** A client takes the wheel, whoever has it. */
  take(client: Client): void {
    this.seat.take(client)
    this.#absence.end()
    this.gate()
  }

  /** A client is gone. `broken`: its connection was lost, so that a driver may come back. True when it drove. */
  leave(client: Client, broken: boolean): boolean {
    const drove = this.seat.leave(client, broken)
    if (drove && broken && client.extended && client.sent > 0) {
      this.#absence.begin(client, () => this.gate())
    }
    this.gate()
    return drove
  }

  /** Frees what it holds; the program must be gone. */
  close(): void {
    this.#absence.end()
    this.sizer.close()
    this.history.dispose()
  }

  /**
   * Reads the PTY only as far as the driver's terminal follows, the screen, and the disk of a recording. Without a driver, and without one that
   * is expected back, the program is never held up by a client.
   */
  gate(): void {
    const hold = this.#mustHold()
    if (hold === this.#held.running) return
    this.#held.running = hold
    if (hold) this.#pty?.pause()
    else this.#pty?.resume()
  }

  /**
   * How many of the bytes from `offset` on repeat the past for a client. Queries in output that no driver ever saw are
   * still waiting for their answer, unless that was long ago and the program has given up.
   */
  replayBytes(client: Client, offset: number): number {
    const { head } = this.history.ring
    const fresh = this.#unansweredFrom >= 0 && performance.now() - this.#unansweredSince < ANSWERABLE_MS
    const live = this.seat.holder === client && fresh
    return Math.max(0, (live ? this.#unansweredFrom : head) - offset)
  }

  /** The driver gets output from here on. */
  answered(): void {
    this.#unansweredFrom = -1
  }

  #onData(chunk: Uint8Array): boolean {
    this.#events.activity()
    if (this.#unansweredFrom < 0 && this.seat.holder?.state !== 'live') {
      this.#unansweredFrom = this.history.ring.head
      this.#unansweredSince = performance.now()
    }
    this.#recorder?.output(chunk)
    this.history.append(chunk)
    this.#flushSoon()
    this.#held.running = this.#mustHold()
    return !this.#held.running
  }

  /**
   * Output leaves in the turn of the event loop in which it was read, so that no key waits for a timer. Only in a flood,
   * where one read of 4 KiB follows the other, are some put together.
   */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    const flood = performance.now() - this.#flushedAt < FLOOD.withinMs && this.#flushedBytes >= FLOOD.bytes
    if (flood) setTimeout(() => this.#flush(), FLOOD.gatherMs)
    else setImmediate(() => this.#flush())
  }

  #flush(): void {
    const { head } = this.history.ring
    this.#flushing = false
    this.#flushedAt = performance.now()
    this.#flushedBytes = head - this.#flushedTo
    this.#flushedTo = head
    this.#events.output()
    this.gate()
  }

  #mustHold(): boolean {
    if (this.history.full || this.#recorder?.full === true) return true
    const confirmed = this.#confirmedByDriver()
    if (confirmed === undefined) return false
    const owed = this.history.ring.head - confirmed
    return this.#held.running ? owed > this.window / 2 : owed >= this.window
  }

  /** Offset up to which the driver has parsed, here or expected back; undefined when there is nobody to wait for. */
  #confirmedByDriver(): number | undefined {
    const driver = this.seat.holder
    if (driver === undefined) return this.#absence.active ? this.#absence.confirmed : undefined
    return driver.state === 'live' || driver.state === 'lost' ? driver.confirmed : undefined
  }
}
