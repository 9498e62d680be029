import type { TestContext } from 'node:test'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { DEFAULT_SCHEMA } from '../../src/config/db-schema.ts'
import { DEFAULT_PROJECT } from '../../src/server/storage.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createStore } from '../../src/store/store.ts'
import { backwards } from './backwards.ts'
import { testDatabase } from './database.ts'
import { type ServerProcessOptions, type SpawnedServer, startServerProcess } from './server-process.ts'

export {
  callApi,
  cleanEnvironment,
  type CliResult,
  runCli,
  PINNED_NODE,
  runNode,
  serverCommand,
  type SpawnedServer,
} from './server-process.ts'

/** What a spawned server may want otherwise. */
export interface SpawnOptions extends ServerProcessOptions {
  /** True: with its embedded PostgreSQL. */
  readonly embedded?: boolean
}

/**
 * Starts the real command with a database of the test's own in the PostgreSQL of the whole run, which costs less than one
 * that the server makes first. On a data folder that the test brings it has its embedded PostgreSQL, unless
 * `DATABASE_URL` is given.
 */
export async function spawnServer(t: TestContext, options: SpawnOptions = {}): Promise<SpawnedServer> {
  const cleanup = backwards(t)
  const url = await databaseFor(cleanup, options)
  if (url === null) return startServerProcess(cleanup, options)
  const env = { ...options.env, DATABASE_URL: url }
  return startServerProcess(cleanup, { makeKey: () => keyIn(url, schemaOf(options)), ...options, env })
}

async function databaseFor(t: TestContext, { env, dataDir, embedded }: SpawnOptions): Promise<string | null> {
  const given = env?.DATABASE_URL
  if (given !== undefined) return given
  if (dataDir !== undefined || embedded === true) return null
  return (await testDatabase(t)).connectionString
}

function schemaOf({ env, flags = [] }: SpawnOptions): string {
  const flag = flags.find((text) => text.startsWith('--db-schema='))
  return flag?.slice('--db-schema='.length) ?? env?.CLISCALE_DB_SCHEMA ?? DEFAULT_SCHEMA
}

/** Without a process: a start of the command costs more than most tests do. */
async function keyIn(connectionString: string, schema: string): Promise<string> {
  const database = openDatabase({ connectionString, schema })
  const { apiKeys } = createStore(database)
  const key = { project: DEFAULT_PROJECT, name: 'test', scopes: ['admin'] } as const
  try {
    return (await createApiKey(apiKeys, key)).secret
  } finally {
    await database.close()
  }
}
