// One PostgreSQL for all test files of a run: prints its address, and ends with standard input.
import { startTestPostgres } from './test-postgres.ts'

// Ctrl-C reaches every process of the terminal; the one that reads our output ends the run in good order.
process.on('SIGINT', () => {})

const ended = new Promise((resolve) => {
  process.stdin.on('end', resolve).resume()
})
const { connectionString, stop } = await startTestPostgres()
console.log(connectionString)
await ended
await stop()
