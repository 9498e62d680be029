import type { FastifyInstance } from 'fastify'
import type { Config } from './config/config.ts'
import type { Gateway } from './gateway/gateway.ts'
import { createInternalApp } from './http/internal-app.ts'
import type { Log } from './observability/log.ts'
import type { CliscaleServer } from './server/cliscale-server.ts'
import { type Core, type CoreOptions, openCore } from './server/core.ts'
import { prepareDataFolder, StartError } from './server/data-folder.ts'
import { listen, urlOf } from './server/listen.ts'
import { announce, announceStart } from './server/presence.ts'
import { createPublicApp } from './server/public-app.ts'
import { DEFAULT_PROJECT } from './server/storage.ts'
import { SupervisedServer } from './server/supervisor.ts'

export type { CliscaleServer } from './server/cliscale-server.ts'

/** What a server may have otherwise than its configuration says: ways of knowing a caller, and parts of its roles. */
export type ServerOverrides = Pick<CoreOptions, 'verifiers' | 'overrides' | 'gatewayOverrides'>

/** A server whose gateway can be reached. */
export interface ServerWithTerminals extends CliscaleServer {
  /** Once started, and not in mode `controller`. */
  readonly terminals: Gateway
}

/** Prepares a server; nothing is opened before `start`. It is one process, whatever `workers` says. */
export function createServer(config: Config, log: Log): CliscaleServer {
  return createServerWith(config, log, {})
}

/** The same with overrides. */
export function createServerWith(config: Config, log: Log, overrides: ServerOverrides): ServerWithTerminals {
  return new Server(config, log, overrides)
}

/** The same with as many processes as configured. The program of this process must have the command `worker`. */
export function createSupervisedServer(config: Config, log: Log): CliscaleServer {
  const alone = config.workers === 1 || config.mode === 'controller'
  return alone ? createServer(config, log) : new SupervisedServer(config, log)
}

class Server implements ServerWithTerminals {
  readonly #config: Config
  readonly #log: Log
  readonly #overrides: ServerOverrides
  readonly #abort = new AbortController()
  #parts: Parts | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(config: Config, log: Log, overrides: ServerOverrides) {
    this.#config = config
    this.#log = log
    this.#overrides = overrides
  }

  start(): Promise<void> {
    this.#starting ??= this.#open()
    return this.#starting
  }

  get url(): string {
    return this.#started.url
  }

  get internalUrl(): string {
    return this.#started.internalUrl
  }

  get core(): Core {
    return this.#started.core
  }

  get terminals(): Gateway {
    return this.#started.app.terminals
  }

  async createConsoleLink(): Promise<string> {
    const logins = this.core.controller?.doors.logins
    if (logins === undefined) throw new StartError('A gateway has no console; ask its controller.')
    return `${this.#config.publicUrl ?? this.url}/#code=${await logins.createCode(DEFAULT_PROJECT)}`
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  get #started(): Parts {
    if (this.#parts === undefined) throw new Error('The server is not started.')
    return this.#parts
  }

  async #open(): Promise<void> {
    await using stack = new AsyncDisposableStack()
    const signal = this.#abort.signal
    await prepareDataFolder(this.#config.dataDir)
    // Commands look for who has the console and the database; a gateway has neither.
    const isSought = this.#config.mode !== 'gateway'
    await using _starting = isSought ? await announceStart(this.#config.dataDir) : null
    const options = { ...this.#overrides, config: this.#config, log: this.#log, signal }
    const core = stack.use(await openCore(options))
    const internal = createInternalApp(core)
    stack.defer(() => internal.close())
    const app = await createPublicApp(core)
    stack.defer(() => app.close())
    signal.throwIfAborted()
    const { host, port, internalHost, internalPort } = this.#config
    await listen(internal, { host: internalHost, port: internalPort, option: '--internal-port' })
    await listen(app, { host, port, option: '--port' })
    const url = urlOf(app, host)
    const { connectionString } = core.storage
    const presence = {
      pid: process.pid,
      url,
      publicUrl: this.#config.publicUrl,
      connectionString,
      schema: this.#config.dbSchema,
    }
    if (isSought) stack.use(await announce(core.paths.presence, presence))
    this.#parts = {
      core,
      app,
      stack: stack.move(),
      url,
      internalUrl: urlOf(internal, internalHost),
    }
  }

  async #close(): Promise<void> {
    this.#abort.abort()
    await this.#starting?.catch(() => undefined)
    if (this.#parts === undefined) return
    const { app, core, stack } = this.#parts
    core.health.drain()
    if (core.gateway !== null) await app.terminals.drain({ windowMs: this.#config.drainSeconds * 1_000 })
    await stack.disposeAsync()
  }
}

interface Parts {
  readonly core: Core
  readonly app: FastifyInstance
  readonly stack: AsyncDisposableStack
  readonly url: string
  readonly internalUrl: string
}
