import cluster, { type Worker } from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import type { Counter } from 'prom-client'
import { type Log, standardOutput } from '../../observability/log.ts'
import {
  addUp,
  type Metrics,
  type MetricsSnapshot,
  remainsOf,
  snapshot,
} from '../../observability/metrics.ts'
import { StartError } from '../data-folder.ts'
import { crewMetrics } from '../metrics.ts'
import { linesTo } from './lines.ts'
import { type Answers, type FromWorker, isMessage, type ToWorker, type WorkerTask } from './messages.ts'

/** A worker that ended is replaced at once, then after pauses that double from and to: */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000

/** A worker that lived so long is no part of a row of failures. */
const STEADY_AFTER_MS = 30_000

/** Longest wait for the answer of a worker. */
const ANSWER_WITHIN_MS = 2_000

/** After the window a worker that has not ended is killed. */
const DRAIN_SLACK_MS = 8_000

/** What a crew works with. */
export interface CrewOptions {
  /** How many workers to keep. */
  readonly size: number
  /** Arguments behind the program's name, for `ps`. */
  readonly args: readonly string[]
  readonly task: Omit<WorkerTask, 'number'>
  readonly log: Log
  readonly metrics: Metrics
}

interface Member {
  readonly number: number
  readonly worker: Worker
  readonly startedAt: number
  listening: boolean
  /** The last that it told of itself. */
  metrics: MetricsSnapshot
}

/** Worker processes that serve one port together, each replaced when it ends. */
export class Crew {
  readonly #options: CrewOptions
  readonly #members = new Map<number, Member>()
  readonly #failures = new Map<number, number>()
  readonly #waiting = new Map<number, (answer: Answers[keyof Answers] | null) => void>()
  readonly #restarts: Counter
  readonly #abort = new AbortController()
  #left: MetricsSnapshot = []
  #questions = 0
  #closing: Promise<void> | undefined

  constructor(options: CrewOptions) {
    this.#options = options
    // Workers take connections from one queue in the kernel: see ARCHITECTURE.md, "Several processes behind one port".
    cluster.schedulingPolicy = cluster.SCHED_NONE
    cluster.setupPrimary({ args: [...options.args], stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    this.#restarts = crewMetrics(options.metrics, { wanted: options.size, up: () => this.up })
  }

  /** Workers that serve now. */
  get up(): number {
    return this.#serving.length
  }

  get #serving(): readonly Member[] {
    return [...this.#members.values()].filter(({ listening }) => listening)
  }

  /** Resolves when all serve. @throws {StartError} with the sentence of the first that cannot */
  async start(): Promise<void> {
    const numbers = Array.from({ length: this.#options.size }, (_, at) => at + 1)
    await Promise.all(numbers.map((number) => this.#startOne(number)))
    for (const member of this.#members.values()) this.#watch(member)
  }

  /** What each worker that answers in time says. */
  async ask<What extends keyof Answers>(what: What): Promise<readonly Answers[What][]> {
    const answers = await Promise.all(this.#serving.map((member) => this.#ask(member, what)))
    return answers.filter((answer) => answer !== null)
  }

  /** The metrics of all workers, of those that ended, and of this process. */
  async metrics(): Promise<Metrics> {
    await Promise.all(
      this.#serving.map(async (member) => {
        member.metrics = (await this.#ask(member, 'metrics')) ?? member.metrics
      }),
    )
    const living = [...this.#members.values()].map(({ metrics }) => metrics)
    return addUp([await snapshot(this.#options.metrics), ...living, this.#left])
  }

  /** Drains all workers over the window and waits until they are gone. Safe to call twice. */
  close(windowMs: number): Promise<void> {
    this.#closing ??= this.#close(windowMs)
    return this.#closing
  }

  async #close(windowMs: number): Promise<void> {
    this.#abort.abort()
    const gone = Array.from(this.#members.values(), ({ worker }) => {
      const exited = exitOf(worker)
      send(worker, { type: 'drain', windowMs })
      return exited
    })
    const timer = setTimeout(() => this.#killAll(), windowMs + DRAIN_SLACK_MS)
    await Promise.all(gone)
    clearTimeout(timer)
  }

  #killAll(): void {
    for (const { number, worker } of this.#members.values()) {
      this.#options.log.warn({ worker: number }, 'A worker did not end in time and is killed')
      worker.process.kill('SIGKILL')
    }
  }

  /** Starts a worker. Resolves when it serves, rejects when it says that it cannot or ends before. */
  async #startOne(number: number): Promise<Member> {
    const worker = cluster.fork()
    const member = { number, worker, startedAt: performance.now(), listening: false, metrics: [] }
    this.#members.set(number, member)
    const { promise, resolve, reject } = Promise.withResolvers<Member>()
    worker.process.stdout?.on('data', linesTo(standardOutput()))
    worker.on('message', (message: unknown) => {
      if (!isMessage(message)) return
      this.#onMessage(member, message as FromWorker)
      if (message.type === 'listening') resolve(member)
      if (message.type === 'failed') reject(new StartError(message.message))
    })
    worker.once('exit', () => {
      member.listening = false
      this.#members.delete(number)
      this.#left = addedUp([this.#left, remainsOf(member.metrics)])
      reject(new StartError('A worker ended before it was ready; the log says why.'))
    })
    // A worker that ended cannot be written to; its exit is what counts.
    worker.on('error', () => undefined)
    send(worker, { type: 'serve', task: { ...this.#options.task, number } })
    return await promise
  }

  #onMessage(member: Member, message: FromWorker): void {
    if (message.type === 'listening') member.listening = true
    if (message.type !== 'answer') return
    this.#waiting.get(message.id)?.(message.answer)
  }

  /** Waits for the end of a worker, and puts another in its place. */
  #watch(member: Member): void {
    void exitOf(member.worker).then(() => this.#replace(member))
  }

  async #replace({ number, startedAt, worker }: Member): Promise<void> {
    if (this.#abort.signal.aborted) return
    const steady = performance.now() - startedAt > STEADY_AFTER_MS
    const failures = steady ? 0 : (this.#failures.get(number) ?? 0)
    this.#failures.set(number, failures + 1)
    const pauseMs = failures === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)
    const { exitCode: code, signalCode: signal } = worker.process
    this.#options.log.warn(
      { worker: number, code, signal, pauseMs },
      'A worker ended; another takes its place',
    )
    try {
      await pause(pauseMs, undefined, { signal: this.#abort.signal })
    } catch {
      return
    }
    this.#restarts.inc()
    const next = this.#startOne(number)
    const started = this.#members.get(number)
    if (started !== undefined) this.#watch(started)
    try {
      await next
    } catch (error) {
      this.#options.log.error({ err: error, worker: number }, 'A worker could not be started')
      // It serves nobody; its end has the next one take its place.
      started?.worker.process.kill('SIGKILL')
    }
  }

  async #ask<What extends keyof Answers>({ worker }: Member, what: What): Promise<Answers[What] | null> {
    this.#questions += 1
    const id = this.#questions
    const { promise, resolve } = Promise.withResolvers<Answers[keyof Answers] | null>()
    this.#waiting.set(id, resolve)
    const unanswered = (): void => resolve(null)
    const timer = setTimeout(unanswered, ANSWER_WITHIN_MS)
    worker.once('exit', unanswered)
    send(worker, { type: 'ask', id, what })
    try {
      return (await promise) as Answers[What] | null
    } finally {
      clearTimeout(timer)
      worker.off('exit', unanswered)
      this.#waiting.delete(id)
    }
  }
}

function addedUp(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  return addUp(snapshots).getMetricsAsArray() as unknown as MetricsSnapshot
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message)
}

async function exitOf(worker: Worker): Promise<void> {
  if (worker.isDead()) return
  await new Promise<void>((resolve) => {
    worker.once('exit', () => resolve())
  })
}
