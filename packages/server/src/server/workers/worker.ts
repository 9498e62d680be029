import cluster from 'node:cluster'
import type { FastifyInstance } from 'fastify'
import { KeyFileError } from '../../files/key-file.ts'
import { Health } from '../../observability/health.ts'
import type { Log } from '../../observability/log.ts'
import { snapshot } from '../../observability/metrics.ts'
import { type Core, openCore } from '../core.ts'
import { StartError } from '../data-folder.ts'
import { listen } from '../listen.ts'
import { createPublicApp, createTerminalApp } from '../public-app.ts'
import { forwardRest } from './forward.ts'
import { type Answers, type FromWorker, isMessage, type ToWorker, type WorkerTask } from './messages.ts'

interface Parts {
  readonly core: Core
  readonly app: FastifyInstance
}

/**
 * One process of several behind a port: a gateway that passes what is no terminal on to its controller. It ends when
 * its supervisor says so or is gone, and then drains.
 */
export class GatewayWorker {
  readonly #task: WorkerTask
  readonly #log: Log
  #parts: Parts | undefined
  #closing: Promise<void> | undefined

  constructor(task: WorkerTask, log: Log) {
    this.#task = task
    this.#log = log
  }

  /** Opens everything and listens; the supervisor learns how it went. */
  async start(): Promise<void> {
    try {
      await this.#open()
      tell({ type: 'listening' })
    } catch (error) {
      if (!(error instanceof StartError || error instanceof KeyFileError)) throw error
      tell({ type: 'failed', message: error.message })
    }
  }

  async #open(): Promise<void> {
    const { config, controller } = this.#task
    await using stack = new AsyncDisposableStack()
    const core = stack.use(await openCore({ config, log: this.#log }))
    const app = controller === null ? await createPublicApp(core) : await createTerminalApp(core)
    stack.defer(() => app.close())
    if (controller !== null) forwardRest(app, controller)
    await listen(app, { host: config.host, port: config.port, option: '--port' })
    this.#parts = { core, app }
    stack.move()
  }

  /** Does what the supervisor asks. */
  async onMessage(message: ToWorker): Promise<void> {
    if (message.type === 'drain') return this.close(message.windowMs)
    if (message.type === 'ask') {
      const { id, what } = message
      tell({ type: 'answer', id, answer: await this.#answer(what) })
    }
  }

  /** The supervisor is gone: another one can have the port at once, and the terminals are asked to go to it. */
  async orphaned(): Promise<void> {
    this.#log.warn('The supervisor of this worker is gone')
    this.#parts?.app.server.close()
    await this.close(this.#task.config.drainSeconds * 1_000)
  }

  /** Drains and closes. Safe to call twice. */
  close(windowMs: number): Promise<void> {
    this.#closing ??= this.#close(windowMs)
    return this.#closing
  }

  async #close(windowMs: number): Promise<void> {
    if (this.#parts === undefined) return
    const { app, core } = this.#parts
    core.health.drain()
    await app.terminals.drain({ windowMs })
    await app.close()
    await core[Symbol.asyncDispose]()
  }

  async #answer(what: keyof Answers): Promise<Answers[keyof Answers] | null> {
    if (what === 'metrics') return this.#parts === undefined ? null : snapshot(this.#parts.core.metrics)
    return (this.#parts?.core.health ?? new Health()).report('ready')
  }
}

/** Runs this process as a worker of the supervisor at the other end of its channel, until it is told to end. */
export async function runWorker(logFor: (task: WorkerTask) => Log): Promise<void> {
  const { promise: over, resolve, reject } = Promise.withResolvers<void>()
  let worker: GatewayWorker | undefined
  const close = (windowMs: number): void => void worker?.close(windowMs).then(resolve, reject)
  // The supervisor decides: what reaches it from a terminal reaches the whole group.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  process.on('message', (message: unknown) => {
    if (!isMessage(message)) return
    if (message.type === 'serve') {
      worker = new GatewayWorker(message.task, logFor(message.task))
      const { drainSeconds } = message.task.config
      process.on('SIGTERM', () => close(drainSeconds * 1_000))
      worker.start().catch(reject)
    } else if (message.type === 'drain') close(message.windowMs)
    else if (message.type === 'ask') worker?.onMessage(message).catch(reject)
  })
  cluster.worker?.once('disconnect', () => {
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
    if (worker === undefined) resolve()
    else worker.orphaned().then(resolve, reject)
  })
  await over
}

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message)
}
