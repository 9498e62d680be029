import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { CreateSessionResponse } from '@cliscale/sdk/protocol'
import { identify } from '../../src/drivers/process/processes/process-table.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder, runnerPids } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'
import { attach, createRecorded, fetchRecording, finished, outputOf, sessionOf } from './recorded-session.ts'

/** A place where server after server can be started on the same data. */
interface Place {
  readonly dataDir: string
  start(apiKey?: string): Promise<SpawnedServer>
}

async function newPlace(t: TestContext): Promise<Place> {
  const cleanup = backwards(t)
  const { connectionString } = await testDatabase(cleanup)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  return {
    dataDir,
    start: (apiKey) =>
      spawnServer(cleanup, {
        dataDir,
        flags: ['--spare-runners=0'],
        env: { DATABASE_URL: connectionString },
        ...(apiKey === undefined ? {} : { apiKey }),
      }),
  }
}

/** Prints numbers for as long as nobody stops it, and says which is the last. */
const COUNTER = 'i=0; trap "echo last $i; exit 7" USR1; while :; do i=$((i+1)); echo $i; sleep 0.01; done'

async function counts(server: SpawnedServer, id: string, to: number): Promise<void> {
  await waitFor(async () => (await fetchRecording(server, id)).text.includes(`${to}\\r\\n`), {
    what: `the recording to reach ${to}`,
  })
}

/** Fails unless the numbers follow each other from 1 on. */
function assertCounted(output: string): number {
  const numbers = output
    .split('\r\n')
    .slice(0, -1)
    .filter((line) => /^\d+$/.test(line))
  numbers.forEach((line, i) => assert.equal(line, String(i + 1)))
  return numbers.length
}

async function runnerFile({ dataDir }: Place): Promise<string> {
  const folder = join(dataDir, 'recordings', 'runners')
  const names = await readdir(folder, { recursive: true })
  return join(folder, names.find((name) => name.endsWith('.cast')) ?? '')
}

async function leftovers({ dataDir }: Place): Promise<readonly string[]> {
  const folders = ['spool', 'runners'].map((name) => join(dataDir, 'recordings', name))
  const found = folders.map((folder) => readdir(folder, { recursive: true }).catch(() => []))
  return (await Promise.all(found)).flat().filter((name) => name.includes('.cast'))
}

/** A recording is told to be stored a moment before its files go. */
async function nothingLeft(place: Place): Promise<void> {
  await waitFor(async () => (await leftovers(place)).length === 0, { what: 'what recordings left to go' })
}

async function killRunner({ dataDir }: Place): Promise<void> {
  const [pid = 0] = (await runnerPids(dataDir)).filter((each) => identify(each) !== null)
  process.kill(pid, 'SIGKILL')
}

test('after kill -9 of the server a recording goes on without a gap and is stored at its end', async (t) => {
  const place = await newPlace(t)
  const first = await place.start()
  const { session } = await createRecorded(first, { command: 'sh', args: ['-c', COUNTER] })
  await counts(first, session.id, 50)
  assert.equal(await first.stop('SIGKILL'), null)
  const second = await place.start(first.apiKey)
  await counts(second, session.id, 100)
  await fetch(`${second.baseUrl}/v1/sessions/${session.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${second.apiKey}` },
  })
  const { recording } = await finished(second, session.id)
  assert.equal(recording?.state, 'stored')
  const { text } = await fetchRecording(second, session.id)
  assert.ok(assertCounted(outputOf(text)) >= 100)
  assert.match(text, /,"x","\d+"\]\n$/)
  await nothingLeft(place)
})

test('a session that ends while no server is there has its whole recording', async (t) => {
  const place = await newPlace(t)
  const first = await place.start()
  const made: CreateSessionResponse = await createRecorded(first, {
    command: 'sh',
    args: ['-c', 'read word; seq 1 2000; exit 5'],
  })
  const terminal = await attach(t, made)
  const file = await runnerFile(place)
  await first.stop('SIGKILL')
  await terminal.over()
  // Nobody can type any more, so the session ends with its runner: by a signal, as when the machine is shut down.
  const [pid = 0] = (await runnerPids(place.dataDir)).filter((each) => identify(each) !== null)
  process.kill(pid, 'SIGTERM')
  await waitFor(async () => (await readFile(file, 'utf8')).includes('"x"'), { what: 'the end in the file' })
  const second = await place.start(first.apiKey)
  const { recording, state } = await finished(second, made.session.id)
  assert.deepEqual([state, recording?.state], ['ended', 'stored'])
  const { text } = await fetchRecording(second, made.session.id)
  assert.match(text, /,"x","\d+"\]\n$/)
  await nothingLeft(place)
})

test('what a runner wrote before kill -9 is kept, up to its last whole line', async (t) => {
  const place = await newPlace(t)
  const server = await place.start()
  const { session } = await createRecorded(server, { command: 'sh', args: ['-c', COUNTER] })
  await counts(server, session.id, 30)
  const file = await runnerFile(place)
  const before = await readFile(file, 'utf8')
  await killRunner(place)
  const info = await finished(server, session.id)
  assert.equal(info.failure?.code, 'RUNNER_LOST')
  assert.equal(info.recording?.state, 'stored')
  const { text } = await fetchRecording(server, session.id)
  assert.ok(text.startsWith(before.slice(0, before.lastIndexOf('\n') + 1)))
  assert.ok(assertCounted(outputOf(text)) >= 30)
})

test('server and runner killed together lose nothing that was written, and a torn line is cut', async (t) => {
  const place = await newPlace(t)
  const first = await place.start()
  const { session } = await createRecorded(first, { command: 'sh', args: ['-c', COUNTER] })
  await counts(first, session.id, 30)
  const file = await runnerFile(place)
  await first.stop('SIGKILL')
  await killRunner(place)
  const written = await readFile(file, 'utf8')
  await appendFile(file, '[0.01,"o","torn')
  // Left by lives before: no row tells of them.
  const gone = `run_${'x'.repeat(22)}`
  const strays = join(place.dataDir, 'recordings', 'runners', gone)
  await mkdir(strays)
  await writeFile(join(strays, `${gone}.cast`), '{}\n')
  const second = await place.start(first.apiKey)
  const info = await finished(second, session.id)
  assert.deepEqual([info.failure?.code, info.recording?.state], ['RUNNER_LOST', 'stored'])
  const { text } = await fetchRecording(second, session.id)
  assert.equal(text, written.slice(0, written.lastIndexOf('\n') + 1))
  assertCounted(outputOf(text))
  await nothingLeft(place)
})

test('where the runner left nothing, what the server had fetched is kept', async (t) => {
  const place = await newPlace(t)
  const server = await place.start()
  const { session } = await createRecorded(server, { command: 'sh', args: ['-c', COUNTER] })
  const spool = join(place.dataDir, 'recordings', 'spool', `${session.id}.cast.part`)
  await waitFor(async () => (await readFile(spool, 'utf8').catch(() => '')).includes('\n['), {
    what: 'the first bytes in the spool',
  })
  await rm(await runnerFile(place))
  await killRunner(place)
  const info = await finished(server, session.id)
  assert.deepEqual([info.failure?.code, info.recording?.state], ['RUNNER_LOST', 'stored'])
  assert.ok(assertCounted(outputOf((await fetchRecording(server, session.id)).text)) > 0)
  assert.equal((await sessionOf(server, session.id)).recording?.truncated, false)
})
