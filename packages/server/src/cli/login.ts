import { openDoors } from '../server/identity.ts'
import { DEFAULT_PROJECT } from '../server/storage.ts'
import { StartError } from '../server/data-folder.ts'
import { configOf, quietLog } from './config-of.ts'
import type { CommandLine } from './main.ts'
import { printResult } from './result.ts'
import { openStore, runningServer } from './store-of.ts'

/** Prints a new link that signs a browser in to the console, once. */
export async function login(line: CommandLine): Promise<number> {
  const config = configOf(line)
  const running = await runningServer(config)
  const url = config.publicUrl ?? running?.publicUrl ?? running?.url
  if (url === undefined)
    throw new StartError(`No server runs on ${config.dataDir}; start one with: cliscale-server`)
  await using storage = await openStore(config, quietLog(config))
  const { logins } = openDoors({ store: storage.store, https: url.startsWith('https:') })
  return await printResult(`${url}/#code=${await logins.createCode(DEFAULT_PROJECT)}\n`)
}
