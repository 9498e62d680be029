import { configOf, quietLog } from './config-of.ts'
import type { CommandLine } from './main.ts'
import { printResult } from './result.ts'
import { openStore } from './store-of.ts'

/** Brings the database up to date: what the start of a controller does, as a step of its own. */
export async function migrateCommand(line: CommandLine): Promise<number> {
  const config = configOf(line)
  await using _storage = await openStore({ ...config, mode: 'all' }, quietLog(config))
  return await printResult('The database is up to date.\n')
}
