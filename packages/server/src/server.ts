import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config/config.ts'
import { gatewayPlugin, TERMINAL_HTTP_OPTIONS } from './gateway/plugin.ts'
import { createApp } from './http/app.ts'
import { serveConsole } from './http/console.ts'
import { addHealthRoutes } from './http/health-routes.ts'
import { HostCheck } from './http/host-check.ts'
import { createInternalApp } from './http/internal-app.ts'
import { addOpenApi } from './http/openapi.ts'
import type { Log } from './observability/log.ts'
import { addControllerRoutes, type Core, openCore } from './server/core.ts'
import { StartError } from './server/data-folder.ts'
import { ownHosts } from './server/hosts.ts'
import { consoleFolder } from './server/package.ts'
import { announce } from './server/presence.ts'
import { DEFAULT_PROJECT } from './server/storage.ts'

/** A server of one mode. */
export interface CliscaleServer {
  /** Opens everything and listens. On failure nothing is left open. @throws {StartError}, {KeyFileError} */
  start(): Promise<void>
  /** Where clients reach it from this machine, without a slash at the end; once started. */
  readonly url: string
  /** Where metrics and probes are; once started. */
  readonly internalUrl: string
  /** Its parts; once started. */
  readonly core: Core
  /** A link that signs a browser in to the console, once. */
  createConsoleLink(): Promise<string>
  /** Drains terminals over the configured window, then closes everything. Sessions go on. Safe to call twice. */
  close(): Promise<void>
}

/** Prepares a server; nothing is opened before `start`. */
export function createServer(config: Config, log: Log): CliscaleServer {
  return new Server(config, log)
}

class Server implements CliscaleServer {
  readonly #config: Config
  readonly #log: Log
  readonly #abort = new AbortController()
  #parts: Parts | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(config: Config, log: Log) {
    this.#config = config
    this.#log = log
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
    const core = stack.use(await openCore({ config: this.#config, log: this.#log, signal }))
    const internal = createInternalApp(core)
    stack.defer(() => internal.close())
    const app = await createPublicApp(core)
    stack.defer(() => app.close())
    signal.throwIfAborted()
    const { host, port, internalHost, internalPort } = this.#config
    await listen(internal, { host: internalHost, port: internalPort, option: '--internal-port' })
    await listen(app, { host, port, option: '--port' })
    const url = urlOf(app, host)
    const presence = { pid: process.pid, url, connectionString: core.storage.connectionString }
    stack.use(await announce(core.paths.presence, presence))
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

/** The public HTTP server with the routes of the mode. */
export async function createPublicApp(core: Core): Promise<FastifyInstance> {
  const { config, gateway, health, log } = core
  const app = await createApp({
    log,
    hosts: new HostCheck(ownHosts(config)),
    allowedOrigins: config.allowedOrigins,
    https: config.publicUrl?.startsWith('https:') ?? false,
    http: TERMINAL_HTTP_OPTIONS,
  })
  await addOpenApi(app)
  addHealthRoutes(app, health)
  addControllerRoutes(app, core)
  if (gateway !== null) await app.register(gatewayPlugin, gateway)
  if (config.mode !== 'gateway') await serveConsole(app, consoleFolder())
  return app
}

async function listen(
  app: FastifyInstance,
  { host, port, option }: { readonly host: string; readonly port: number; readonly option: string },
): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason = LISTEN_PROBLEMS[code]
    if (reason === undefined) throw error
    throw new StartError(`${host}:${port} ${reason}; choose another with ${option}.`, { cause: error })
  }
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EACCES: 'may not be used by this user',
  ENOTFOUND: 'is not the name of a machine',
}

function urlOf(app: FastifyInstance, host: string): string {
  const { port } = app.server.address() as AddressInfo
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`
}
