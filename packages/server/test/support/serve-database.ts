// One PostgreSQL for all test files of a run: prints its address, and ends with standard input.
import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { startTestPostgres } from './test-postgres.ts'

/** Memory as a folder, where Linux has it. A container has 64 MB of it, if nobody said otherwise. */
const MEMORY = '/dev/shm'

/** `f_type` of a tmpfs, statfs(2). */
const TMPFS = 0x01_02_19_94

/** Bytes that the databases of a whole run fit in. */
const ROOM = 1_024 ** 3

// Ctrl-C reaches every process of the terminal; the one that reads our output ends the run in good order.
process.on('SIGINT', () => {})

const ended = new Promise((resolve) => {
  process.stdin.on('end', resolve).resume()
})
const { connectionString, stop } = await startTestPostgres(await placeOfFiles())
console.log(connectionString)
await ended
await stop()

/**
 * Each database is 300 files, made and removed again for one test: on a disk's file system they cost more than all else that a
 * test does with its database, and make the files of others slow to create.
 */
async function placeOfFiles(): Promise<string> {
  const found = await statfs(MEMORY).catch(() => null)
  return found?.type === TMPFS && found.bavail * found.bsize >= ROOM ? MEMORY : tmpdir()
}
