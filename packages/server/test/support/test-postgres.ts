import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'

/** A PostgreSQL server for tests. */
export interface TestPostgres {
  /** As a superuser. */
  readonly connectionString: string
  /** Stops it and removes its data. */
  readonly stop: () => Promise<void>
}

/** Starts an embedded PostgreSQL in a folder of its own that loses nothing of worth when it dies. */
export async function startTestPostgres(): Promise<TestPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cliscale-test-'))
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '200',
  }
  const postgres = await startEmbeddedPostgres({ dataDir, settings })
  return {
    connectionString: postgres.connectionString,
    stop: async () => {
      await postgres.stop()
      await rm(dataDir, { recursive: true })
    },
  }
}
