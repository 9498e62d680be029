import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../src/store/database.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { listenForEvents } from '../../src/store/listen.ts'
import { migrate } from '../../src/store/migrate.ts'
import { createStore } from '../../src/store/store.ts'
import { newSession } from '../support/sessions.ts'
import { waitFor } from '../support/wait-for.ts'

/** An ordinary user of every system. */
const DAEMON = 1

const QUICK = { first: 10, longest: 200 }

/** What a test has to undo, last things first; node:test runs its own hooks first things first. */
const stacks = new WeakMap<TestContext, AsyncDisposableStack>()

function undo(t: TestContext, work: () => Promise<unknown>): void {
  const known = stacks.get(t)
  const stack = known ?? new AsyncDisposableStack()
  if (!known) {
    stacks.set(t, stack)
    t.after(() => stack.disposeAsync())
  }
  stack.defer(async () => void (await work()))
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cliscale-embedded-'))
  await chmod(folder, 0o711)
  undo(t, async () => {
    await chmod(folder, 0o700)
    await rm(folder, { recursive: true })
  })
  return folder
}

async function start(t: TestContext, dataDir: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, backoffMs: QUICK })
  undo(t, () => postgres.stop())
  return postgres
}

interface Report {
  readonly connectionString?: string
  readonly pid?: number
  readonly error?: string
}

/** A server in a process of its own, killed with the test. */
async function startElsewhere(
  t: TestContext,
  dataDir: string,
  options: { readonly uid?: number } = {},
): Promise<{ child: ChildProcess; report: Report; gone: Promise<number | null> }> {
  const program = fileURLToPath(new URL('../support/embedded-server.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve))
  undo(t, async () => {
    child.kill('SIGKILL')
    await gone
  })
  child.stdin.end(dataDir)
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once('line', resolve),
  )
  return { child, gone, report: JSON.parse(line) as Report }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function rowsAt(connectionString: string, text: string): Promise<object[]> {
  const database = openDatabase({ connectionString })
  try {
    return await database.query({ text })
  } finally {
    await database.close()
  }
}

test('a first start makes private data, listens on a private socket only, and a second start finds the data again', async (t) => {
  const dataDir = join(await temporaryFolder(t), 'data')
  const first = await start(t, dataDir)
  assert.equal(first.check(), null)
  const folder = new URL(first.connectionString.replace('@/', '@x/')).searchParams.get('host') ?? ''
  const [settings] = await rowsAt(
    first.connectionString,
    `SELECT current_setting('listen_addresses') AS tcp, current_setting('server_version_num')::int / 10000 AS major`,
  )
  assert.deepEqual(settings, { tcp: '', major: 18 })
  const password = await readFile(join(dataDir, 'keys', 'postgres.password'), 'utf8')
  assert.ok(password.length >= 32)
  for (const path of [join(dataDir, 'keys'), join(dataDir, 'postgres'), folder]) {
    assert.equal((await stat(path)).mode & 0o077, 0, `${path} is private`)
  }
  assert.equal((await stat(join(dataDir, 'keys', 'postgres.password'))).mode & 0o777, 0o600)
  const wrong = first.connectionString.replace(/:[^:@]+@/, ':wrong@')
  await assert.rejects(rowsAt(wrong, 'SELECT 1'), { code: '28P01' })
  await rowsAt(first.connectionString, 'CREATE TABLE public.kept (n int)')
  const { pid } = first
  assert.ok(pid && isRunning(pid))

  await Promise.all([first.stop(), first.stop()])
  assert.equal(isRunning(pid), false)
  assert.equal(first.pid, null)
  const second = await start(t, dataDir)
  assert.deepEqual(await rowsAt(second.connectionString, 'SELECT * FROM public.kept'), [])
})

test('as root PostgreSQL runs as somebody without rights', async (t) => {
  const postgres = await start(t, join(await temporaryFolder(t), 'data'))
  const status = await readFile(`/proc/${String(postgres.pid)}/status`, 'utf8')
  const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1])
  if (process.getuid?.() === 0) {
    assert.notEqual(uid, 0)
    assert.match(status, /^Groups:\s*$/m)
  } else assert.equal(uid, process.getuid?.())
})

test('a long path to the data gets a socket elsewhere, which is gone after the stop', async (t) => {
  const dataDir = join(await temporaryFolder(t), 'a'.repeat(60), 'b'.repeat(60))
  const postgres = await start(t, dataDir)
  const folder = new URL(postgres.connectionString.replace('@/', '@x/')).searchParams.get('host') ?? ''
  assert.ok(!folder.startsWith(dataDir))
  assert.deepEqual(await rowsAt(postgres.connectionString, 'SELECT 1 AS one'), [{ one: 1 }])

  await postgres.stop()
  await assert.rejects(stat(folder), { code: 'ENOENT' })
})

test('a second server on the same data is refused with a sentence that names the first, which goes on', async (t) => {
  const dataDir = await temporaryFolder(t)
  const first = await startElsewhere(t, dataDir)
  assert.ok(first.report.connectionString)

  await assert.rejects(startEmbeddedPostgres({ dataDir }), {
    message: `Another cliscale-server (pid ${String(first.child.pid)}) uses the data folder ${dataDir}; stop it, or choose another with --data-dir.`,
  })
  assert.deepEqual(await rowsAt(first.report.connectionString, 'SELECT 1 AS one'), [{ one: 1 }])
})

test('of three first starts at once on the same data one runs and two are refused', async (t) => {
  const dataDir = await temporaryFolder(t)
  const servers = await Promise.all([1, 2, 3].map(() => startElsewhere(t, dataDir)))

  const running = servers.filter(({ report }) => report.connectionString)
  assert.equal(running.length, 1)
  for (const { report } of servers)
    if (report.error) assert.match(report.error, /^Another cliscale-server \(pid \d+\)/)
  assert.deepEqual(await rowsAt(running[0]?.report.connectionString ?? '', 'SELECT 1 AS one'), [{ one: 1 }])
})

test('after a kill -9 of the server the next one stops what it left and has every acknowledged row', async (t) => {
  const dataDir = await temporaryFolder(t)
  const killed = await startElsewhere(t, dataDir)
  const { connectionString = '', pid = 0 } = killed.report
  await rowsAt(connectionString, 'CREATE TABLE public.kept AS SELECT generate_series(1, 1000) AS n')
  killed.child.kill('SIGKILL')
  await killed.gone
  assert.ok(isRunning(pid), 'PostgreSQL outlives the server')

  const next = await start(t, dataDir)
  await waitFor(() => !isRunning(pid), { what: 'the one that was left is gone' })
  assert.notEqual(next.pid, pid)
  assert.deepEqual(await rowsAt(next.connectionString, 'SELECT count(*) FROM public.kept'), [{ count: 1000 }])
})

test('after a kill -9 of server and PostgreSQL together the next start recovers', async (t) => {
  const dataDir = await temporaryFolder(t)
  const killed = await startElsewhere(t, dataDir)
  const { connectionString = '', pid = 0 } = killed.report
  await rowsAt(connectionString, 'CREATE TABLE public.kept AS SELECT generate_series(1, 1000) AS n')
  process.kill(pid, 'SIGKILL')
  killed.child.kill('SIGKILL')
  await killed.gone

  const next = await start(t, dataDir)
  assert.deepEqual(await rowsAt(next.connectionString, 'SELECT count(*) FROM public.kept'), [{ count: 1000 }])
})

test('the number of a dead server that a stranger got does not hinder the start', async (t) => {
  const dataDir = await temporaryFolder(t)
  const first = await start(t, dataDir)
  await first.stop()
  await writeFile(
    join(dataDir, 'postgres', 'postmaster.pid'),
    `${process.pid}\n${dataDir}/postgres\n0\n5432\n/x\n\n`,
  )

  const second = await start(t, dataDir)
  assert.equal(second.check(), null)
})

test('when PostgreSQL is killed in use, calls fail with a code, it comes back, and pool, listener and data with it', async (t) => {
  const dataDir = await temporaryFolder(t)
  const health: (string | null)[] = []
  const postgres = await startEmbeddedPostgres({
    dataDir,
    backoffMs: QUICK,
    onHealth: (problem) => health.push(problem),
  })
  undo(t, () => postgres.stop())
  const { connectionString } = postgres
  await migrate(connectionString)
  const database = openDatabase({ connectionString })
  undo(t, () => database.close())
  const hints = listenForEvents({ connectionString, backoffMs: QUICK })
  undo(t, () => hints.close())
  await hints.ready
  const store = createStore(database)
  await store.projects.ensure('p1', 'One')
  const acknowledged: string[] = []
  const unused = newSession()
  await store.sessions.create(unused)
  let told = 0
  hints.subscribe('*', (sessionId) => {
    if (sessionId === null) told += 1
  })

  const { pid } = postgres
  assert.ok(pid)
  const codes = new Set<unknown>()
  const over = new AbortController()
  const callers = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      const made = await store.sessions.create(newSession()).catch((error: { code?: unknown }) => {
        codes.add(error.code)
        return null
      })
      if (made) acknowledged.push(made.info.id)
    }
  })
  await waitFor(() => acknowledged.length > 50, { what: 'sessions are made' })
  process.kill(pid, 'SIGKILL')
  await waitFor(() => health.length >= 2 && health.at(-1) === null, { what: 'it is back' })
  const before = acknowledged.length
  await waitFor(() => acknowledged.length > before + 10, { what: 'sessions are made again' })
  over.abort()
  await Promise.all(callers)

  assert.deepEqual([...codes], ['DATABASE_UNAVAILABLE'])
  assert.match(health[0] ?? '', /died/)
  assert.notEqual(postgres.pid, pid)
  const kept = await database.query<{ id: string }>({ text: 'SELECT id FROM sessions' })
  const ids = new Set(kept.map(({ id }) => id))
  assert.deepEqual(
    acknowledged.filter((id) => !ids.has(id)),
    [],
    'every acknowledged session is there',
  )
  // The allow-list is not logged: after a crash no token of before is taken.
  assert.equal((await store.tokens.redeem(unused.token.jti)).outcome, 'used')
  await waitFor(() => told > 0, { what: 'listeners are told to read again' })
})

test('when one of its processes is killed PostgreSQL recovers by itself and is owned again', async (t) => {
  const dataDir = await temporaryFolder(t)
  const postgres = await start(t, dataDir)
  const { pid } = postgres
  const victims = await rowsAt(postgres.connectionString, 'SELECT pg_backend_pid() AS pid, pg_sleep(0)')
  assert.equal(victims.length, 1)
  const database = openDatabase({ connectionString: postgres.connectionString })
  undo(t, () => database.close())
  const [own] = await database.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' })
  process.kill(own?.pid ?? 0, 'SIGKILL')

  await waitFor(async () => (await database.check()) === null, { what: 'it answers again' })
  await waitFor(() => postgres.check() === null, { what: 'it is owned again' })
  assert.equal(postgres.pid, pid)
  await assert.rejects(startEmbeddedPostgres({ dataDir }), /Another cliscale-server/)
})

test('a folder that cannot be written, and data that does not fit, are said in one sentence', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'file'), '')
  await assert.rejects(startEmbeddedPostgres({ dataDir: join(folder, 'file', 'data') }), {
    message:
      /^The data folder cannot be written \((?:ENOTDIR|EEXIST) at .*\); make it writable, or choose another with --data-dir\.$/,
  })
  await mkdir(join(folder, 'old', 'keys'), { recursive: true })
  await mkdir(join(folder, 'old', 'postgres'))
  await writeFile(join(folder, 'old', 'keys', 'postgres.password'), 'x', { mode: 0o600 })
  await writeFile(join(folder, 'old', 'postgres', 'PG_VERSION'), '15\n')
  await assert.rejects(startEmbeddedPostgres({ dataDir: join(folder, 'old') }), /is of PostgreSQL 15, but/)
  await rm(join(folder, 'old', 'keys', 'postgres.password'))
  await assert.rejects(
    startEmbeddedPostgres({ dataDir: join(folder, 'old') }),
    /The password of the data .* is missing/,
  )
})

test('as another user than root, a folder of somebody else is refused and an own one works', async (t) => {
  if (process.getuid?.() !== 0) {
    const folder = await temporaryFolder(t)
    await chmod(folder, 0o500)
    await assert.rejects(startEmbeddedPostgres({ dataDir: join(folder, 'data') }), /EACCES/)
    return
  }
  const folder = await temporaryFolder(t)
  await chmod(folder, 0o755)
  const refused = await startElsewhere(t, join(folder, 'data'), { uid: DAEMON })
  assert.match(refused.report.error ?? '', /^The data folder cannot be written \(EACCES at /)
  await chmod(folder, 0o777)
  const works = await startElsewhere(t, join(folder, 'data'), { uid: DAEMON })
  assert.equal(works.report.error, undefined)
  assert.deepEqual(await rowsAt(works.report.connectionString ?? '', 'SELECT 1 AS one'), [{ one: 1 }])
  works.child.kill('SIGTERM')
  assert.equal(await works.gone, 0)
})

test('as root, data below a folder that PostgreSQL may not enter lies where it may, and is found again', async (t) => {
  const folder = await temporaryFolder(t)
  const dataDir = join(folder, 'private', 'data')
  await mkdir(join(folder, 'private'), { mode: 0o700 })
  const first = await start(t, dataDir)
  await rowsAt(first.connectionString, 'CREATE TABLE public.kept (n int)')
  await first.stop()
  const home = await readlink(join(dataDir, 'postgres-home')).catch(() => null)
  assert.equal(home !== null, process.getuid?.() === 0)

  const second = await start(t, dataDir)
  assert.deepEqual(await rowsAt(second.connectionString, 'SELECT * FROM public.kept'), [])
  await assert.rejects(startEmbeddedPostgres({ dataDir }), /Another cliscale-server/)
  await second.stop()
  if (home === null) return

  // When a temporary folder is gone, what belonged to it goes with the next start that needs such a place.
  await rm(dataDir, { recursive: true })
  const other = join(folder, 'private', 'other')
  await (await start(t, other)).stop()
  await assert.rejects(stat(home), { code: 'ENOENT' })
  await rm(await readlink(join(other, 'postgres-home')), { recursive: true })
})

test('a start can be given up and leaves nothing running', async (t) => {
  const dataDir = await temporaryFolder(t)
  await (await startEmbeddedPostgres({ dataDir })).stop()
  await assert.rejects(startEmbeddedPostgres({ dataDir, signal: AbortSignal.abort() }), {
    name: 'AbortError',
  })
  await (await startEmbeddedPostgres({ dataDir })).stop()
})
