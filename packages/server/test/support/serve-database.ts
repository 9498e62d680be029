// Starts the PostgreSQL that test files of one run share, prints its address, and stops it when standard input ends.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'cliscale-test-'))
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '400' }
const postgres = await startEmbeddedPostgres({ dataDir, settings })
console.log(postgres.connectionString)
process.stdin.resume().once('end', () => {
  void postgres.stop().then(() => rm(dataDir, { recursive: true }))
})
