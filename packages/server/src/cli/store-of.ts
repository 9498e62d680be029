import type { Config } from '../config/config.ts'
import { Health } from '../observability/health.ts'
import type { Log } from '../observability/log.ts'
import { prepareDataFolder } from '../server/data-folder.ts'
import { findPresence, type Presence } from '../server/presence.ts'
import { openStorage, type Storage } from '../server/storage.ts'

/** The database for one command, and the server that runs on it, if one does. */
export interface CommandStore extends AsyncDisposable {
  readonly storage: Storage
  readonly running: Presence | null
}

/** Opens the database of the running server, the configured one, or the embedded one for as long as the command runs. */
export async function openStore(config: Config, log: Log): Promise<CommandStore> {
  const paths = await prepareDataFolder(config.dataDir)
  const running = await findPresence(paths.presence)
  const databaseUrl = config.databaseUrl ?? running?.connectionString ?? null
  const storage = await openStorage({ config: { ...config, databaseUrl }, log, health: new Health() })
  return { storage, running, [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose]() }
}
