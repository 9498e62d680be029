import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  chown,
  cp,
  link,
  lstat,
  mkdir,
  readFile,
  readlink,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { nobody } from '../../src/store/embedded/account.ts'
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/store/embedded/embedded-postgres.ts'
import { handOver } from '../../src/store/embedded/hand-over.ts'
import { createLog } from '../../src/observability/log.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { makeOldCluster } from '../support/old-cluster.ts'
import { runSql } from '../support/run-sql.ts'

const ROOT = process.getuid?.() === 0

async function folder(t: TestContext): Promise<string> {
  const path = await dataFolder()
  t.after(() => removeDataFolder(path))
  return path
}

async function start(
  t: TestContext,
  dataDir: string,
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, ...options })
  t.after(() => postgres.stop())
  return postgres
}

async function uidOf({ pid }: EmbeddedPostgres): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8')
  const [ids = ''] = /^Uid:.*$/m.exec(status) ?? []
  const [real, ...others] = ids.split(/\s+/).slice(1).map(Number)
  for (const other of others) assert.equal(other, real)
  return real ?? Number.NaN
}

/** Runs a program as a user; resolves to whether it went well. */
async function runsAs(uid: number, program: string, ...args: readonly string[]): Promise<boolean> {
  const identity = ROOT ? { uid, gid: uid } : {}
  return promisify(execFile)(program, [...args], { cwd: '/', ...identity }).then(
    () => true,
    () => false,
  )
}

test('two installations that root started cannot read, change, reach or stop each other', async (t) => {
  const cleanup = backwards(t)
  const [mine, other] = [await folder(cleanup), await folder(cleanup)]
  const [first, second] = [await start(cleanup, mine), await start(cleanup, other)]
  const [uid, otherUid] = [await uidOf(first), await uidOf(second)]
  if (!ROOT) {
    assert.deepEqual([uid, otherUid], [process.getuid?.(), process.getuid?.()])
    return
  }
  assert.notEqual(uid, otherUid)
  for (const id of [uid, otherUid]) assert.ok(id !== 0 && id !== (await nobody()).uid)

  assert.ok(await runsAs(uid, 'cat', join(mine, 'postgres', 'PG_VERSION')), 'its own data it reads')
  for (const path of ['postgres/PG_VERSION', 'postgres/pg_hba.conf', 'pg/.s.PGSQL.5432.lock', 'keys'])
    assert.equal(await runsAs(uid, 'ls', join(other, path)), false, `${path} of the other is closed`)
  assert.equal(await runsAs(uid, 'ls', other), false)
  assert.equal(await runsAs(uid, 'touch', join(other, 'postgres', 'x')), false)
  assert.equal(
    await runsAs(uid, 'touch', join(mine, 'postgres-hba.conf')),
    false,
    'its rules it cannot change',
  )
  assert.ok(await runsAs(uid, 'kill', '-0', String(first.pid)), 'its own process it reaches')
  assert.equal(await runsAs(uid, 'kill', '-0', String(second.pid)), false)
  assert.equal(await runsAs(uid, 'ls', `/proc/${String(second.pid)}/fd`), false)
  assert.equal(await runsAs((await nobody()).uid, 'cat', join(mine, 'postgres', 'PG_VERSION')), false)
})

test('a data folder keeps its account over starts, also when several are at once', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await folder(cleanup)
  const starts = await Promise.allSettled([1, 2, 3].map(() => start(cleanup, dataDir)))
  const running = starts.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  assert.equal(running.length, 1)
  const [first] = running
  assert.ok(first)
  const uid = await uidOf(first)
  await first.stop()

  assert.equal(await uidOf(await start(cleanup, dataDir)), uid)
})

test('data of another account than the folder’s own changes hands, and can be read again', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await folder(cleanup)
  await makeOldCluster(dataDir)
  const lock = join(dataDir, 'pg', '.s.PGSQL.5432.lock')
  await writeFile(lock, '1\n', { mode: 0o600 })
  const before = await lstat(join(dataDir, 'postgres'))
  if (ROOT) await chown(lock, before.uid, before.gid)

  const postgres = await start(cleanup, dataDir)
  const uid = await uidOf(postgres)
  assert.deepEqual(await runSql(postgres.connectionString, 'SELECT id FROM public.sessions'), [
    { id: 'ses_old' },
  ])
  if (!ROOT) return
  assert.equal(before.uid, (await nobody()).uid)
  assert.notEqual(uid, before.uid)
  const { stdout } = await promisify(execFile)('find', [join(dataDir, 'postgres'), '!', '-uid', String(uid)])
  assert.equal(stdout, '')
})

test('a copy of a data folder gets an account of its own', async (t) => {
  const cleanup = backwards(t)
  const [dataDir, copy] = [await folder(cleanup), join(await folder(cleanup), 'copy')]
  const first = await start(cleanup, dataDir)
  await runSql(first.connectionString, 'CREATE TABLE public.kept (n int)')
  await first.stop()
  await promisify(execFile)('cp', ['-a', dataDir, copy])
  if (ROOT) await chmod(join(copy, '..'), 0o711)

  const [again, second] = [await start(cleanup, dataDir), await start(cleanup, copy)]
  assert.deepEqual(await runSql(second.connectionString, 'SELECT * FROM public.kept'), [])
  assert.equal((await uidOf(again)) === (await uidOf(second)), !ROOT)
})

test('a data folder that was moved starts with its data', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await folder(cleanup)
  const [before, after] = [join(dataDir, 'before'), join(dataDir, 'after')]
  if (ROOT) await chmod(dataDir, 0o711)
  const first = await start(cleanup, before)
  await runSql(first.connectionString, 'CREATE TABLE public.kept (n int)')
  await first.stop()
  await rename(before, after)

  const second = await start(cleanup, after)
  assert.deepEqual(await runSql(second.connectionString, 'SELECT * FROM public.kept'), [])
})

test('when all ids of the range are taken, a start says so in one sentence', async (t) => {
  const cleanup = backwards(t)
  const uids = { first: 2_100_090_000 + (process.pid % 9_000), last: 2_100_090_000 + (process.pid % 9_000) }
  const [one, two] = [await folder(cleanup), await folder(cleanup)]
  const first = await start(cleanup, one, { uids })
  if (!ROOT) {
    await start(cleanup, two, { uids })
    return
  }
  assert.equal(await uidOf(first), uids.first)
  await assert.rejects(start(cleanup, two, { uids }), {
    name: 'EmbeddedPostgresError',
    message: `All user ids from ${uids.first} to ${uids.last} are taken; remove links from /var/lib/cliscale/uids whose data folder is no more, or name more ids with --database-uids.`,
  })

  // The id of a temporary folder that is gone is free again.
  await first.stop()
  await rm(one, { recursive: true })
  assert.equal(await uidOf(await start(cleanup, two, { uids })), uids.first)
  assert.equal(await readlink(`/var/lib/cliscale/uids/${uids.first}`), two)
  await rm(`/var/lib/cliscale/uids/${uids.first}`)
})

test('data in a place that nobody alone may enter goes on as nobody, and the log says so', async (t) => {
  const cleanup = backwards(t)
  const outer = await folder(cleanup)
  const dataDir = join(outer, 'data')
  const shared = await nobody()
  if (ROOT) await chown(outer, shared.uid, shared.gid)
  await mkdir(dataDir)
  await makeOldCluster(dataDir)
  const lines: string[] = []
  const log = createLog({ level: 'warn', destination: { write: (line) => lines.push(line) } })

  const postgres = await start(cleanup, dataDir, { log })
  assert.equal(await uidOf(postgres), ROOT ? shared.uid : process.getuid?.())
  assert.equal(/goes on as nobody/.test(lines.join('')), ROOT)
})

test('in a user namespace without the ids PostgreSQL runs as nobody', async (t) => {
  const cleanup = backwards(t)
  if (!ROOT || !(await runsAs(0, 'unshare', '--user', 'true'))) return
  const dataDir = await folder(cleanup)
  const program = fileURLToPath(new URL('../support/embedded-server.ts', import.meta.url))
  const wait = ['--user', 'sh', '-c', 'echo ready; read go; exec "$@"', 'sh']
  const child = spawn('unshare', [...wait, process.execPath, ...process.execArgv, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  cleanup.after(async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, 'ready')
  for (const map of ['uid_map', 'gid_map'])
    await writeFile(`/proc/${String(child.pid)}/${map}`, '0 0 65536\n')
  child.stdin.end(`go\n${dataDir}`)
  const report = String((await lines.next()).value)
  const { connectionString = '', error } = JSON.parse(report) as { connectionString?: string; error?: string }
  assert.equal(error, undefined)
  assert.deepEqual(await runSql(connectionString, 'SELECT 1 AS one'), [{ one: 1 }])
  assert.equal((await lstat(join(dataDir, 'postgres'))).uid, (await nobody()).uid)
})

test('a file with a second name is given to nobody else, and said', async (t) => {
  const cleanup = backwards(t)
  const path = await folder(cleanup)
  const account = ROOT
    ? { uid: 2_100_099_999, gid: 2_100_099_999 }
    : { uid: Number(process.getuid?.()), gid: Number(process.getgid?.()) }
  const [inside, outside] = [join(path, 'inside'), join(path, 'outside')]
  await mkdir(join(inside, 'deep'), { recursive: true })
  await writeFile(outside, 'precious')
  await link(outside, join(inside, 'deep', 'second'))
  const given = handOver(inside, account)
  if (!ROOT) return given

  await assert.rejects(given, { message: /second name elsewhere \(a hard link\)/ })
  assert.equal((await lstat(outside)).uid, 0)
  await rm(join(inside, 'deep', 'second'))
  await cp(outside, join(inside, 'deep', 'second'))
  await writeFile(join(inside, 'VERSION'), '1')
  await handOver(inside, account, 'VERSION')
  for (const name of ['', 'deep', 'deep/second', 'VERSION'])
    assert.equal((await lstat(join(inside, name))).uid, account.uid)
  // What it has already is not looked at again.
  await link(outside, join(inside, 'deep', 'third'))
  await handOver(inside, account, 'VERSION')
  assert.equal((await lstat(outside)).uid, 0)
})
