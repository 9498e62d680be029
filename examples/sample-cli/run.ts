import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Cliscale, type PhaseReport } from '@cliscale/sdk'
import { pack } from './pack.ts'

const { path, sha256 } = await pack()
const archive = createServer((_request, response) => void createReadStream(path).pipe(response))
archive.listen(Number(process.env.BUNDLE_PORT ?? 0), '127.0.0.1')
await new Promise((resolve) => archive.once('listening', resolve))
const { port } = archive.address() as AddressInfo

const cliscale = new Cliscale({
  baseUrl: process.env.CLISCALE_URL ?? 'http://127.0.0.1:7680',
  apiKey: process.env.CLISCALE_API_KEY,
})
const session = await cliscale.sessions.create({
  bundle: { url: `http://127.0.0.1:${port}/sample-cli.tgz`, sha256 },
  command: 'sample-cli',
  args: process.argv.slice(2),
  columns: process.stdout.columns ?? 80,
  rows: process.stdout.rows ?? 24,
})
const terminal = session.connect()
terminal.on('phase', (report) => console.log(describe(report)))
terminal.setSink((bytes) => void process.stdout.write(bytes))
const exit = await terminal.exited
await terminal.close()
archive.close()
process.exitCode = exit.code ?? 1

function describe({ phase, progress }: PhaseReport): string {
  if (progress === undefined) return phase
  return `${phase} ${progress.done} of ${progress.total ?? 'unknown'} ${progress.unit}`
}
