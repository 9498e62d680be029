// Starts the server as the README says, follows its link to the console, and stops it as Ctrl-C in a terminal does.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

const flags = ['--port=0', '--internal-port=0', '--data-dir=data', '--spare-runners=0']
const server = spawn('npx', ['@cliscale/server', ...flags], {
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
})
const closed = once(server, 'close')
let printed = ''
await new Promise((resolve, reject) => {
  server.stdout.setEncoding('utf8').on('data', (part) => {
    printed += part
    // A pipe may be a log that others read: it is told the command, and only a terminal the link.
    if (printed.includes('cliscale-server login --data-dir=')) resolve()
  })
  server.on('close', () => reject(new Error(`no command was printed:\n${printed}`)))
})
const login = spawn('npx', ['@cliscale/server', 'login', '--data-dir=data'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const link = (await text(login.stdout)).trim()
assert.match(link, /^http:\/\/\S+#code=\S+$/)
const page = await fetch(link)
assert.equal(page.status, 200)
assert.match(await page.text(), /<script type="module"/)
process.kill(-server.pid, 'SIGINT')
const [code, signal] = await closed // npx itself may end by the signal, once the server has ended.
assert.ok(code === 0 || code === 130 || signal === 'SIGINT', `ended with ${code ?? signal}:\n${printed}`)
assert.match(printed, /Stopping/)
