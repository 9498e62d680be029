import type { TestContext } from 'node:test'
import type { Scope } from '../../src/auth/identity.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { createLog } from '../../src/observability/log.ts'
import { type CliscaleServer, createServer } from '../../src/server.ts'
import type { Store } from '../../src/store/store.ts'
import { backwards } from './backwards.ts'
import { dataFolder, removeDataFolder } from './data-folder.ts'
import { testDatabase } from './database.ts'
import { callApi } from './spawn-server.ts'
import { tellLogOfFailure } from './tell-log.ts'

/** A real server in this process, with a database and a data folder of its own. */
export interface TestServer {
  /** `http://127.0.0.1:<port>`. */
  readonly baseUrl: string
  readonly internalUrl: string
  /** May do everything. */
  readonly apiKey: string
  readonly server: CliscaleServer
  readonly store: Store
  readonly connectionString: string
  readonly dataDir: string
  /** All that the server logged. */
  readonly logged: () => string
  /** Calls the REST API with the key; `body` is sent as JSON. */
  readonly call: (method: string, path: string, body?: unknown) => Promise<Response>
}

/** What a test may want otherwise. */
export interface TestServerOptions {
  /** Flags of `cliscale-server`, as in `['--spare-runners=0']`. */
  readonly flags?: readonly string[]
  /** Environment variables of `cliscale-server`; replaces the test's own database with `DATABASE_URL`. */
  readonly env?: Readonly<Record<string, string>>
  readonly scopes?: readonly Scope[]
}

/** Starts it. With the test it is closed, its runners ended, its data and database removed. */
export async function startTestServer(t: TestContext, options: TestServerOptions = {}): Promise<TestServer> {
  const cleanup = backwards(t)
  const connectionString = options.env?.DATABASE_URL ?? (await testDatabase(cleanup)).connectionString
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const flags = ['--port=0', '--internal-port=0', `--data-dir=${dataDir}`]
  const env = { DATABASE_URL: connectionString, CLISCALE_DRAIN_SECONDS: '0', ...options.env }
  const config = parseConfig([...flags, ...(options.flags ?? [])], env)
  const lines: string[] = []
  const log = createLog({ level: 'debug', destination: { write: (line) => lines.push(line) } })
  tellLogOfFailure(cleanup, 'the server', () => lines.join(''))
  const server = createServer(config, log)
  cleanup.after(() => server.close())
  await server.start()
  const apiKey = await server.core.createApiKey('test', options.scopes ?? ['admin'])
  return {
    baseUrl: server.url,
    internalUrl: server.internalUrl,
    apiKey,
    server,
    store: server.core.storage.store,
    connectionString,
    dataDir,
    logged: () => lines.join(''),
    call: (method, path, body) => callApi({ baseUrl: server.url, apiKey }, { method, path, body }),
  }
}
