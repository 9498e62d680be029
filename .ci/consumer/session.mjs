// Runs beside a server (`cliscale-server exec`): one session, its output and its exit code.
import assert from 'node:assert/strict'
import { Cliscale } from '@cliscale/sdk'

const cliscale = new Cliscale({ baseUrl: process.env.CLISCALE_URL, apiKey: process.env.CLISCALE_API_KEY })
await using session = await cliscale.sessions.create({
  command: 'sh',
  args: ['-c', 'echo $((6 * 7)); exit 3'],
})
await using terminal = session.connect()
const [output, exit] = await Promise.all([terminal.text(), terminal.exited])
assert.equal(output.trim(), '42')
assert.equal(exit.code, 3)
