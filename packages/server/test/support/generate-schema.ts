import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDatabase } from '../../src/store/database.ts'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import { schemaFile } from './dump-schema.ts'
import type { Generated } from './generated.ts'

/** The schema's file as the migrations make it in a new database. */
export async function generatedSchema(): Promise<Generated> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cliscale-schema-'))
  const postgres = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } })
  const database = openDatabase({ connectionString: postgres.connectionString })
  try {
    await migrate(postgres.connectionString)
    return await schemaFile(database)
  } finally {
    await database.close()
    await postgres.stop()
    await rm(dataDir, { recursive: true })
  }
}
