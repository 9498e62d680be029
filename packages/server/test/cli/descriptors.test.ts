import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import { parseConfig } from '../../src/config/parse.ts'
import { connectionBudget } from '../../src/server/descriptors.ts'
import { backwards } from '../support/backwards.ts'
import { startSilently } from '../support/silent-server.ts'
import { cleanEnvironment, runCli } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** What attackers send first: nothing, the beginning of a request, a body that does not come. */
const OPENINGS = [
  '',
  'GET / HTTP/1.1\r\n',
  'POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
]

/** More than the server has descriptors; each comes back when it is put out. */
const ATTACKERS = 450
const BACK_AFTER_MS = 2_000

for (const workers of [1, 2])
  test(`${ATTACKERS} connections without sign-in shut nobody out of ${workers} with 400 open files`, async (t) => {
    const cleanup = backwards(t)
    const server = await startSilently(cleanup, {
      flags: ['--isolation=none', '--max-sessions=10', `--workers=${workers}`],
      stdio: 'ignore',
      below: ['sh', '-c', 'ulimit -n 400 && exec "$@"', 'sh'],
    })
    const baseUrl = await server.ready()
    const { port } = new URL(baseUrl)
    let attacking = true
    const sockets = new Set<Socket>()
    const attack = (at: number): void => {
      if (!attacking) return
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(OPENINGS[at % 3] ?? ''))
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.resume().on('close', () => {
        sockets.delete(socket)
        setTimeout(attack, BACK_AFTER_MS, at)
      })
    }
    for (let at = 0; at < ATTACKERS; at += 1) attack(at)
    cleanup.after(() => {
      attacking = false
      for (const socket of sockets) socket.destroy()
    })
    const env = cleanEnvironment({ DATABASE_URL: server.connectionString })
    const folder = await temporaryFolder(cleanup)
    const made = await runCli(['keys', 'create', 'x', '--scopes=admin', `--data-dir=${folder}`], env)
    const cliscale = new Cliscale({ baseUrl, apiKey: made.stdout.trim() })
    for (let round = 0; round < 3; round += 1) {
      const session = await cliscale.sessions.create({ command: 'echo', args: [`round ${round}`] })
      const terminal = session.connect()
      assert.match(await terminal.text(), new RegExp(`round ${round}`))
    }
    assert.equal((await fetch(`${server.internalUrl}/readyz`)).status, 200)
    assert.equal(await server.stop(), 0)
  })

test('the bounds fit into the limit of open files, with descriptors left for the server', () => {
  for (const flags of [[], ['--max-sessions=5000'], ['--mode=gateway'], ['--mode=controller']])
    for (const limit of [256, 1_024, 65_536, 1_048_576]) {
      const config = parseConfig(flags, { HOME: '/home/ada', DATABASE_URL: 'postgresql://localhost/x' })
      const { httpConnections, terminals } = connectionBudget(config, limit)
      const used = httpConnections + (config.mode === 'controller' ? 0 : 2 * terminals)
      assert.ok(used + 64 <= limit, `${flags.join()} ${limit}: ${used}`)
      assert.ok(httpConnections >= 4 && terminals >= 1)
    }
  const plenty = connectionBudget(parseConfig([], { HOME: '/home/ada' }), 1_048_576)
  assert.deepEqual([plenty.httpConnections, plenty.terminals], [10_000, 50_000])
})
