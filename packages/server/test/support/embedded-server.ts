// Starts the embedded PostgreSQL on the folder that standard input names, prints its address and pid, and stays.
import { text } from 'node:stream/consumers'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'

try {
  const postgres = await startEmbeddedPostgres({ dataDir: await text(process.stdin) })
  console.log(JSON.stringify({ connectionString: postgres.connectionString, pid: postgres.pid }))
  process.once('SIGTERM', () => void postgres.stop().then(() => process.exit(0)))
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }))
  process.exitCode = 3
}
