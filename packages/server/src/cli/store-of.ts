import type { Config } from '../config/config.ts'
import { Health } from '../observability/health.ts'
import type { Log } from '../observability/log.ts'
import { prepareDataFolder } from '../server/data-folder.ts'
import { findPresence, type Presence } from '../server/presence.ts'
import { openStorage, type Storage } from '../server/storage.ts'

/** The server that runs on the configured data; null when none does. */
export async function runningServer(config: Config): Promise<Presence | null> {
  return findPresence((await prepareDataFolder(config.dataDir)).presence)
}

/** Opens the database of the running server, the configured one, or the embedded one for as long as the command runs. */
export async function openStore(config: Config, log: Log): Promise<Storage> {
  const databaseUrl = config.databaseUrl ?? (await runningServer(config))?.connectionString ?? null
  return openStorage({ config: { ...config, databaseUrl }, log, health: new Health() })
}
