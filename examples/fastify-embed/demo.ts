import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cliscale } from '@cliscale/sdk'
import { createApp } from './app.ts'

const dataDir = process.env.DATA_DIR ?? (await mkdtemp(join(tmpdir(), 'fastify-embed-')))
const app = await createApp(dataDir)
const address = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) })
console.log(`The app's own route: ${await (await fetch(address)).text()}`)

const apiKey = await app.cliscale.createApiKey('demo')
const sdk = new Cliscale({ baseUrl: `${address}/terminals`, apiKey })
{
  await using session = await sdk.sessions.create({ command: 'uname', args: ['-o'] })
  await using terminal = session.connect()
  const [output, exit] = await Promise.all([terminal.text(), terminal.exited])
  console.log(`A session below /terminals: ${output.trimEnd()}, exit code ${exit.code}`)
}
await app.close()
console.log(`Data is in ${dataDir}`)
