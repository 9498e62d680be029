import type { FastifyInstance } from 'fastify'
import type { Config } from '../config/config.ts'
import { createInternalApp } from '../http/internal-app.ts'
import { Health, type HealthReport } from '../observability/health.ts'
import type { Log } from '../observability/log.ts'
import { createMetrics, type Metrics } from '../observability/metrics.ts'
import type { CliscaleServer } from './cliscale-server.ts'
import { type Core, openCore } from './core.ts'
import { prepareDataFolder, StartError } from './data-folder.ts'
import { findPort, listen, urlAt, urlOf } from './listen.ts'
import { announce, announceStart } from './presence.ts'
import { createPublicApp } from './public-app.ts'
import { DEFAULT_PROJECT } from './storage.ts'
import { chooseControlSocket } from './workers/control-socket.ts'
import { Crew } from './workers/crew.ts'

/** Connections to the embedded database that a worker may want beside its pool. */
const MORE_CONNECTIONS = 2

interface Parts {
  /** Null in mode `gateway`. */
  readonly core: Core | null
  readonly crew: Crew
  readonly health: Health
  readonly stack: AsyncDisposableStack
  readonly url: string
  readonly internalUrl: string
}

/**
 * Several processes behind one port. This one has the controller, the embedded database and the internal port, each
 * once; its workers are gateways and pass the REST API on to it.
 */
export class SupervisedServer implements CliscaleServer {
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
    const { core } = this.#started
    if (core === null) throw new Error('The parts of a gateway are in its workers.')
    return core
  }

  async createConsoleLink(): Promise<string> {
    const logins = this.#started.core?.controller?.doors.logins
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
    const { host, internalHost, internalPort, dataDir, mode } = this.#config
    const paths = await prepareDataFolder(dataDir)
    // Commands look for who has the console and the database; a gateway has neither.
    const isSought = mode !== 'gateway'
    await using _starting = isSought ? await announceStart(dataDir) : null
    const port = await findPort({ host, port: this.#config.port, option: '--port' })
    const core = mode === 'gateway' ? null : stack.use(await this.#openController())
    const controller = core === null ? null : await this.#serveController(core, stack)
    const connectionString = core?.storage.connectionString ?? this.#config.databaseUrl ?? ''
    const metrics = core?.metrics ?? createMetrics()
    const health = core?.health ?? new Health()
    const crew = this.#crew({ port, controller, connectionString, metrics })
    stack.defer(() => crew.close(0))
    this.#watch(crew, health)
    const internal = createInternalApp({ log: this.#log, health, metrics: sumOf(crew, metrics) })
    stack.defer(() => internal.close())
    await listen(internal, { host: internalHost, port: internalPort, option: '--internal-port' })
    this.#abort.signal.throwIfAborted()
    await crew.start()
    const url = urlAt(host, port)
    const { dbSchema: schema, publicUrl } = this.#config
    const presence = { pid: process.pid, url, publicUrl, connectionString, schema }
    if (isSought) stack.use(await announce(paths.presence, presence))
    const internalUrl = urlOf(internal, internalHost)
    this.#parts = { core, crew, health, stack: stack.move(), url, internalUrl }
  }

  /** Database and controller; the terminals are the workers' part. */
  async #openController(): Promise<Core> {
    const { dbMaxConnections, workers } = this.#config
    return openCore({
      config: { ...this.#config, mode: 'controller' },
      log: this.#log,
      signal: this.#abort.signal,
      moreConnections: workers * (dbMaxConnections + MORE_CONNECTIONS),
    })
  }

  /** Serves REST and console to the workers. */
  async #serveController(core: Core, stack: AsyncDisposableStack): Promise<string> {
    const socket = stack.use(await chooseControlSocket(this.#config.dataDir))
    const app: FastifyInstance = await createPublicApp(core, { behindWorkers: true })
    stack.defer(() => app.close())
    await app.listen({ path: socket.path })
    await socket.protect()
    return socket.path
  }

  #crew(options: {
    readonly port: number
    readonly controller: string | null
    readonly connectionString: string
    readonly metrics: Metrics
  }): Crew {
    const { port, controller, connectionString, metrics } = options
    const { dataDir, logFormat, workers } = this.#config
    const format = logFormat === 'auto' ? (process.stdout.isTTY ? 'pretty' : 'json') : logFormat
    const own = { mode: 'gateway', port, databaseUrl: connectionString, logFormat: format } as const
    return new Crew({
      size: workers,
      args: ['worker', `--data-dir=${dataDir}`],
      task: { config: { ...this.#config, ...own }, controller },
      log: this.#log,
      metrics,
    })
  }

  #watch(crew: Crew, health: Health): void {
    const { workers } = this.#config
    health.register('workers', 'ready', () => {
      if (crew.up === 0) return 'No worker is up.'
      return crew.up === workers ? null : { note: `${crew.up} of ${workers} workers are up.` }
    })
    health.register('gateway', 'ready', async () => problemOf(await crew.ask('health')))
  }

  async #close(): Promise<void> {
    this.#abort.abort()
    await this.#starting?.catch(() => undefined)
    if (this.#parts === undefined) return
    const { crew, health, stack } = this.#parts
    health.drain()
    await crew.close(this.#config.drainSeconds * 1_000)
    await stack.disposeAsync()
  }
}

/** What the first worker that is not ready says; the server is ready when one of them is. */
function problemOf(reports: readonly HealthReport[]): string | null {
  if (reports.length === 0 || reports.some(({ ok }) => ok)) return null
  const sentences = Object.values(reports[0]?.checks ?? {}).filter((result) => result !== 'ok')
  return sentences[0] ?? null
}

function sumOf(crew: Crew, { contentType }: Metrics): Pick<Metrics, 'contentType' | 'metrics'> {
  return { contentType, metrics: async () => (await crew.metrics()).metrics() }
}
