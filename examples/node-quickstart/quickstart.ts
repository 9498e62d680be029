import { Cliscale } from '@cliscale/sdk'

const cliscale = new Cliscale({
  baseUrl: process.env.CLISCALE_URL ?? 'http://127.0.0.1:7680',
  apiKey: process.env.CLISCALE_API_KEY,
})
const script = 'echo "Hello from $(uname -s)"; exit 7'
await using session = await cliscale.sessions.create({ command: 'sh', args: ['-c', script] })
await using terminal = session.connect()
const [output, exit] = await Promise.all([terminal.text(), terminal.exited])
console.log(output.trimEnd())
console.log(`exit code ${exit.code}`)
