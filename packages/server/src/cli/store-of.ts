import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import { Health } from '../observability/health.ts'
import type { Log } from '../observability/log.ts'
import { prepareDataFolder, StartError } from '../server/data-folder.ts'
import { findPresence, findStart, type Presence } from '../server/presence.ts'
import { openStorage, type Storage } from '../server/storage.ts'

/** A server that starts is waited for at most so long; a first start makes a database. */
const START_WITHIN_MS = 120_000

const LOOK_EVERY_MS = 100

/**
 * The server that runs on the configured data; null when none does. One that is starting is waited for, which is said on
 * standard error. @throws {StartError} when it does not become ready
 */
export async function runningServer(config: Config): Promise<Presence | null> {
  const { presence } = await prepareDataFolder(config.dataDir)
  const deadline = performance.now() + START_WITHIN_MS
  let told = false
  for (;;) {
    // In this order: a server that becomes ready in between is seen.
    const starting = await findStart(config.dataDir)
    const running = await findPresence(presence)
    if (running !== null || starting === null) return running
    if (performance.now() >= deadline)
      throw new StartError(`The server (pid ${starting}) is still starting; try again when it is ready.`)
    if (!told) console.error(`The server (pid ${starting}) is starting; waiting for it.`)
    told = true
    await pause(LOOK_EVERY_MS)
  }
}

/**
 * Opens the database of the running server, the configured one, or the embedded one for as long as the command runs. A
 * server that runs on the data folder with the configured database also says which schema.
 */
export async function openStore(config: Config, log: Log): Promise<Storage> {
  const running = await runningServer(config)
  const same = config.databaseUrl === null || config.databaseUrl === running?.connectionString
  const found = running && same && { databaseUrl: running.connectionString, dbSchema: running.schema }
  return openStorage({ config: { ...config, ...found }, log, health: new Health() })
}
