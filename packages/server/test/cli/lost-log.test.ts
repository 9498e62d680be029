import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open } from 'node:fs/promises'
import { constants } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { text as readAll } from 'node:stream/consumers'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { processesWith } from '../support/processes.ts'
import { type SilentServer, startSilently } from '../support/silent-server.ts'
import { cleanEnvironment, PINNED_NODE, serverCommand } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { scrape } from '../support/workers.ts'

const DROPPED = 'cliscale_log_dropped_lines_total{reason="failed"}'
/** Longest end of a server on a busy machine; one that hangs takes for ever. */
const END_WITHIN_MS = 60_000

/** It answers, counts what it could not write, and ends when it is asked to. */
async function goesOnAndEnds(server: SilentServer): Promise<void> {
  const url = await server.ready()
  const dropped = async (): Promise<number> => (await scrape(server)).get(DROPPED) ?? 0
  await waitFor(async () => (await fetch(`${url}/healthz`)).ok && (await dropped()) > 0, {
    what: 'counted lines',
    withinMs: 60_000,
  })
  assert.equal((await fetch(`${url}/readyz`)).status, 200)
  const asked = performance.now()
  assert.equal(await server.stop(), 0)
  assert.ok(performance.now() - asked < END_WITHIN_MS)
  assert.deepEqual(await processesWith(server.dataDir), [])
}

async function opened(t: TestContext, path: string, flags: string | number): Promise<FileHandle> {
  const file = await open(path, flags)
  t.after(() => file.close().catch(() => undefined))
  return file
}

for (const workers of [1, 2]) {
  const flags = ['--log-level=debug', `--workers=${workers}`]

  test(`a full disk below the log does not end a server of ${workers}`, async (t) => {
    const cleanup = backwards(t)
    const { fd } = await opened(cleanup, '/dev/full', 'w')
    await goesOnAndEnds(await startSilently(cleanup, { flags, stdio: ['ignore', fd, fd] }))
  })

  test(`a reader that goes does not end a server of ${workers}`, async (t) => {
    const cleanup = backwards(t)
    const server = await startSilently(cleanup, { flags, stdio: ['ignore', 'pipe', 'pipe'] })
    await once(server.child.stdout as NodeJS.ReadableStream, 'data')
    server.child.stdout?.destroy()
    server.child.stderr?.destroy()
    await goesOnAndEnds(server)
  })

  test(`a reader that stalls does not hold a server of ${workers} up, nor its end`, async (t) => {
    const server = await startSilently(backwards(t), { flags, stdio: ['ignore', 'pipe', 'ignore'] })
    const url = await server.ready()
    // More than a pipe and its reader hold: each address is in the log.
    for (let asked = 0; asked < 150; asked += 1)
      assert.equal((await fetch(`${url}/${'x'.repeat(4_000)}`)).status, 404)
    const startedAt = performance.now()
    assert.equal(await server.stop(), 0)
    assert.ok(performance.now() - startedAt < END_WITHIN_MS)
    assert.deepEqual(await processesWith(server.dataDir), [])
  })

  test(`a terminal that goes does not end a server of ${workers}`, async (t) => {
    const cleanup = backwards(t)
    const holder = await holdTerminal(cleanup)
    const { O_NOCTTY, O_RDWR } = constants
    const { fd } = await opened(cleanup, holder.path, O_RDWR | O_NOCTTY)
    const server = await startSilently(cleanup, { flags, stdio: [fd, fd, fd] })
    await server.ready()
    await holder.end()
    await goesOnAndEnds(server)
  })
}

interface Holder {
  /** Of the terminal, as in `/dev/pts/3`. */
  readonly path: string
  /** Closes its other end. */
  readonly end: () => Promise<void>
}

async function holdTerminal(t: TestContext): Promise<Holder> {
  const script = fileURLToPath(new URL('../support/hold-terminal.ts', import.meta.url))
  const child = spawn(PINNED_NODE, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  t.after(end)
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
  const path = await waitFor(() => /\/dev\/\S+/.exec(shown)?.[0], { what: 'the name of the terminal' })
  return { path, end }
}

test('a log that comes back says how many lines are lost, on whole lines', async (t) => {
  const cleanup = backwards(t)
  const path = join(await temporaryFolder(cleanup), 'log')
  assert.deepEqual(await once(spawn('mkfifo', [path]), 'exit'), [0, null])
  const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants
  const first = await opened(cleanup, path, O_RDONLY | O_NONBLOCK)
  const { fd } = await opened(cleanup, path, O_WRONLY)
  const flags = ['--log-level=debug', '--log-format=json']
  const server = await startSilently(cleanup, { flags, stdio: ['ignore', fd, 'ignore'] })
  const url = await server.ready()
  await waitFor(async () => (await readSome(first)).includes('"msg":"Ready"'), { what: 'the first lines' })
  await first.close()
  await waitFor(
    async () => (await fetch(`${url}/healthz`)).ok && ((await scrape(server)).get(DROPPED) ?? 0) > 2,
    {
      what: 'lost lines',
    },
  )
  const second = await opened(cleanup, path, O_RDONLY | O_NONBLOCK)
  let text = ''
  await waitFor(
    async () => {
      await fetch(`${url}/healthz`)
      text += await readSome(second)
      return text.includes('Lines of this log are lost')
    },
    { what: 'the line that tells of it' },
  )
  const told = text.split('\n').find((line) => line.includes('Lines of this log are lost')) ?? ''
  const { lines, reason, level } = JSON.parse(told) as Record<string, unknown>
  assert.deepEqual([lines, reason, level], [(await scrape(server)).get(DROPPED), 'EPIPE', 'warn'])
  for (const line of text.trim().split('\n')) JSON.parse(line)
  assert.equal(await server.stop(), 0)
})

test('a start that is refused, and help, end with their exit codes when nobody can read why', async (t) => {
  const { fd } = await opened(backwards(t), '/dev/full', 'w')
  for (const [args, code] of [
    [['--port=x'], 2],
    [['--help'], 1],
    [['config'], 1],
  ] as const) {
    const [command, ...rest] = serverCommand(...args)
    const child = spawn(command, rest, { env: cleanEnvironment(), stdio: ['ignore', fd, fd] })
    assert.deepEqual(await once(child, 'exit'), [code, null], args.join(' '))
  }
})

test('a key that could not be written is told, with what makes it invalid', async (t) => {
  const cleanup = backwards(t)
  const { fd } = await opened(cleanup, '/dev/full', 'w')
  const { connectionString } = await testDatabase(cleanup)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const [command, ...args] = serverCommand('keys', 'create', 'lost', `--data-dir=${dataDir}`)
  const env = cleanEnvironment({ DATABASE_URL: connectionString })
  const child = spawn(command, args, { env, stdio: ['ignore', fd, 'pipe'] })
  const closed = once(child, 'close')
  const said = await readAll(child.stderr as NodeJS.ReadableStream)
  await closed
  assert.match(said, /could not be written to standard output \(ENOSPC\)\. .* keys revoke key_[\w-]+\n$/)
  assert.equal(child.exitCode, 1)
})

/** What a pipe holds now. */
async function readSome(file: FileHandle): Promise<string> {
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1_048_576))
    return buffer.toString('utf8', 0, bytesRead)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return ''
    throw error
  }
}
