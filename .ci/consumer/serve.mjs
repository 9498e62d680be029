// Starts the server as the README says, follows its link to the console, and stops it as Ctrl-C in a terminal does.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const flags = ['--port=0', '--internal-port=0', '--data-dir=data', '--spare-runners=0']
const server = spawn('npx', ['@cliscale/server', ...flags], {
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
})
const closed = once(server, 'close')
let printed = ''
const link = await new Promise((resolve, reject) => {
  server.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text
    const found = /^\s*(http:\/\/\S+#code=\S+)\s*$/m.exec(printed)
    if (found) resolve(found[1])
  })
  server.on('close', () => reject(new Error(`no link was printed:\n${printed}`)))
})
const page = await fetch(link)
assert.equal(page.status, 200)
assert.match(await page.text(), /<script type="module"/)
process.kill(-server.pid, 'SIGINT')
const [code, signal] = await closed // npx itself may end by the signal, once the server has ended.
assert.ok(code === 0 || code === 130 || signal === 'SIGINT', `ended with ${code ?? signal}:\n${printed}`)
assert.match(printed, /Stopping/)
