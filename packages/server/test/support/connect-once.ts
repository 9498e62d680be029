// Connects in each way that the server has to the database whose address comes on standard input, and prints what it
// found there; in a process of its own for its environment.
import { text } from 'node:stream/consumers'
import { openDatabase } from '../../src/store/database.ts'
import { listenForEvents } from '../../src/store/listen.ts'
import { migrate } from '../../src/store/migrate.ts'

const connectionString = await text(process.stdin)
const database = openDatabase({ connectionString })
try {
  await migrate(connectionString)
  const hints = listenForEvents({ connectionString })
  await hints.ready
  const settings = await database.query({
    text: `SELECT current_user AS role, current_database() AS database, name, setting FROM pg_settings
      WHERE source NOT IN ('default', 'override', 'configuration file', 'command line') AND name <> 'application_name' ORDER BY name`,
  })
  const names = await database.query({
    text: `SELECT application_name FROM pg_stat_activity WHERE datname = current_database() ORDER BY 1`,
  })
  await hints.close()
  console.log(
    JSON.stringify({ settings, names: JSON.stringify(names).replaceAll(String(process.pid), 'PID') }),
  )
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }))
} finally {
  await database.close()
}
