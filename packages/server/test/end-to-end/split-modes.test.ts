import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cliscale, connectTerminal, defaultReconnectPolicy, TokenSource } from '@cliscale/sdk'
import { backwards } from '../support/backwards.ts'
import { cuttingProxy } from '../support/cutting-proxy.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { emptyDatabase } from '../support/database.ts'
import { pageText, proxyFolder, startProxy } from '../support/reverse-proxy.ts'
import { cleanEnvironment, runCli, type SpawnedServer } from '../support/spawn-server.ts'
import { startServerProcess } from '../support/server-process.ts'
import { waitFor } from '../support/wait-for.ts'

const SCRIPT = 'stty -echo; echo ready; while read line; do echo "<$line>"; [ "$line" = bye ] && exit 3; done'

/** The lines that SPLIT.md tells an operator to type. */
function typedLines(): { database: string; controller: string[]; gateway: string[]; keys: string[] } {
  const block = /^```text\n(export DATABASE_URL=[\s\S]*?)^```/m.exec(pageText('SPLIT.md'))?.[1] ?? ''
  const [database = '', ...commands] = block.trimEnd().split('\n')
  const [controller = [], gateway = [], keys = []] = commands.map((line) => line.split(' ').slice(1))
  return { database, controller, gateway, keys }
}

/** What the operator fills in: the address; and where the test takes other ports and folders, they must stand there. */
function flagsOf(line: readonly string[], publicUrl: string): string[] {
  const replaced = ['--port=', '--internal-port=', '--data-dir=']
  for (const name of replaced)
    assert.ok(
      line.some((flag) => flag.startsWith(name)),
      `${name} is missing`,
    )
  return line
    .filter((flag) => !replaced.some((name) => flag.startsWith(name)))
    .map((flag) => (flag.startsWith('--public-url=') ? `--public-url=${publicUrl}` : flag))
    .concat('--insecure-http')
}

interface Split {
  readonly cliscale: Cliscale
  readonly gateway: SpawnedServer
  readonly controller: SpawnedServer
  readonly startGateway: (port: string) => Promise<SpawnedServer>
}

/** Types what the page says, with nginx as it says before both. */
async function startSplit(t: TestContext): Promise<Split> {
  const place = proxyFolder(t)
  const { url: publicUrl } = await cuttingProxy(t, { path: place.socket })
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  const env = { DATABASE_URL: await emptyDatabase(t) }
  const { controller: first, gateway: second, keys } = typedLines()
  const start = (line: readonly string[], port: string): Promise<SpawnedServer> =>
    startServerProcess(t, {
      flags: [...flagsOf(line, publicUrl), ...(port === '0' ? [] : [`--port=${port}`])],
      env,
      dataDir,
      apiKey: '',
    })
  const controller = await start(first, '0')
  const gateway = await start(second, '0')
  const typed = keys.map((word) => (word.startsWith('--data-dir=') ? `--data-dir=${dataDir}` : word))
  const { stdout, stderr } = await runCli(typed, cleanEnvironment(env))
  assert.match(stdout, /^csk_/, stderr)
  await startProxy(t, 'nginx', {
    ...place,
    page: 'SPLIT.md',
    put: [
      ['127.0.0.1:7680', `127.0.0.1:${new URL(controller.baseUrl).port}`],
      ['127.0.0.1:7681', `127.0.0.1:${new URL(gateway.baseUrl).port}`],
    ],
  })
  const cliscale = new Cliscale({ baseUrl: publicUrl, apiKey: stdout.trim() })
  return { cliscale, gateway, controller, startGateway: (port) => start(second, port) }
}

test('controller and gateway as SPLIT.md starts them serve a terminal, also over another gateway', async (t) => {
  const cleanup = backwards(t)
  const { cliscale, controller, gateway, startGateway } = await startSplit(cleanup)
  for (const address of [controller, gateway].flatMap(({ baseUrl, internalUrl }) => [baseUrl, internalUrl])) {
    assert.equal((await fetch(`${address}/readyz`)).status, 200)
  }
  const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', SCRIPT] })
  const terminal = session.connect({ reconnect: defaultReconnectPolicy({ baseMs: 50, capMs: 500 }) })
  cleanup.after(() => terminal.close())
  const modes: string[] = []
  let output = ''
  terminal.on('ready', ({ mode }) => modes.push(mode))
  terminal.on('data', (bytes) => (output += Buffer.from(bytes).toString()))
  await waitFor(() => output.includes('ready'), { what: 'the program', withinMs: 30_000 })
  await gateway.stop()
  await terminal.write('kept\n')
  await startGateway(new URL(gateway.baseUrl).port)
  await waitFor(() => output.includes('<kept>'), {
    what: 'the answer over the other gateway',
    withinMs: 30_000,
  })
  await terminal.write('bye\n')
  assert.equal((await terminal.exited).code, 3)
  assert.equal(output, 'ready\r\n<kept>\r\n<bye>\r\n')
  assert.deepEqual(modes, ['fresh', 'delta'])
})

test('a gateway of another public address refuses the tokens, as SPLIT.md says', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const env = { DATABASE_URL: await emptyDatabase(cleanup) }
  const start = (mode: string, host: string): Promise<SpawnedServer> =>
    startServerProcess(cleanup, {
      flags: [`--mode=${mode}`, `--public-url=http://${host}`, '--insecure-http'],
      env,
      dataDir,
      apiKey: '',
    })
  const controller = await start('controller', '127.0.0.1')
  const gateway = await start('gateway', 'localhost')
  const { stdout } = await runCli(['keys', 'create', 'a', `--data-dir=${dataDir}`], cleanEnvironment(env))
  const cliscale = new Cliscale({ baseUrl: controller.baseUrl, apiKey: stdout.trim() })
  const session = await cliscale.sessions.create({ command: 'sh' })
  const { token } = await session.createToken()
  const url = `${gateway.baseUrl.replace('http', 'ws')}/v1/sessions/${session.id}/terminal`
  const terminal = connectTerminal({ url, tokenSource: TokenSource.literal(token), reconnect: false })
  cleanup.after(() => terminal.close())
  await assert.rejects(terminal.exited, { code: 'TOKEN_INVALID' })
  await session.kill()
})
