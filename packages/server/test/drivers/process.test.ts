import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import type { Driver } from '../../src/drivers/driver.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import type { SandboxVerdict } from '../../src/drivers/process/isolation/try-sandbox.ts'
import { ControlGroups } from '../../src/drivers/process/isolation/control-groups.ts'
import {
  identify,
  isAlive,
  withArgument,
  withEnvironment,
} from '../../src/drivers/process/processes/process-table.ts'
import { createLog } from '../../src/observability/log.ts'
import { waitFor } from '../support/wait-for.ts'
import { type DriverBench, driverContract, newSpec, startUp } from './driver.contract.ts'

const log = createLog({ level: 'silent' })

interface ProcessBench extends DriverBench {
  readonly dataFolder: string
}

async function newBench(t: TestContext, dataFolder?: string): Promise<ProcessBench> {
  const folder = dataFolder ?? mkdtempSync(join(tmpdir(), 'cs-driver-'))
  const drivers: Driver[] = []
  const open = async (): Promise<Driver> => {
    const driver = await createProcessDriver({ dataFolder: folder, log })
    drivers.push(driver)
    return driver
  }
  t.after(async () => {
    const sweeper = await open()
    for (const runner of await sweeper.list()) await sweeper.stop(runner.runnerId, { graceMs: 0 })
    for (const driver of drivers) await driver.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    dataFolder: folder,
    open,
    running: async () => runnersIn(folder),
    crash: async ({ externalId }) => void process.kill(Number(externalId), 'SIGKILL'),
  }
}

/** Ids of runners that run with an address in `folder`, by their command lines. */
function runnersIn(folder: string): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${Number(pid)}/cmdline`, 'utf8').split('\0')
      const address = words[words.indexOf('--listen') + 1] ?? ''
      return address.startsWith(`unix:${folder}/`) ? [words[words.indexOf('--runner-id') + 1] ?? ''] : []
    } catch {
      return []
    }
  })
}

driverContract('process', newBench)

test('nothing of the server environment and no secret reaches the runner', async (t) => {
  process.env.DATABASE_URL = 'postgres://user:password@host/db'
  t.after(() => delete process.env.DATABASE_URL)
  const bench = await newBench(t)
  const spec = newSpec()
  const runner = await startUp(await bench.open(), spec)
  const environ = readFileSync(`/proc/${runner.externalId}/environ`, 'utf8')
  const names = environ
    .split('\0')
    .filter(Boolean)
    .map((entry) => entry.slice(0, entry.indexOf('=')))
  const inherited = ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ']
  const own = ['HOME', 'NODE_COMPILE_CACHE', 'MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_']
  const allowed = [...inherited, ...own]
  assert.deepEqual(
    names.filter((name) => !allowed.includes(name)),
    [],
  )
  const commandLine = readFileSync(`/proc/${runner.externalId}/cmdline`, 'utf8')
  assert.ok(!`${environ}${commandLine}`.includes(spec.secret))
  for (const path of readdirSync(bench.dataFolder, { recursive: true, encoding: 'utf8' })) {
    const file = join(bench.dataFolder, path)
    if (statSync(file).isFile()) assert.ok(!readFileSync(file, 'latin1').includes(spec.secret), path)
  }
})

test('a runner folder, its socket and its work folder are closed to other users', async (t) => {
  const bench = await newBench(t)
  const { runnerId } = await startUp(await bench.open(), newSpec())
  for (const folder of ['run', 'work', join('run', runnerId), join('work', runnerId)]) {
    const passable = folder === 'work' && process.getuid?.() === 0
    const mode = passable ? 0o711 : 0o700
    assert.equal(statSync(join(bench.dataFolder, folder)).mode & 0o777, mode, folder)
  }
})

test('a socket path stays short enough below a data folder with a long name', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'cs-driver-'))
  const bench = await newBench(t, join(parent, 'x'.repeat(120)))
  const { address, runnerId } = await startUp(await bench.open(), newSpec())
  const folder = dirname(dirname(address!.slice('unix:'.length)))
  t.after(() => {
    for (const path of [parent, folder]) rmSync(path, { recursive: true, force: true })
  })
  assert.ok(Buffer.byteLength(address!) < 100, address!)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  assert.deepEqual(readdirSync(folder), [runnerId])
})

test('a work folder that cannot be made is a coded error', async (t) => {
  const bench = await newBench(t)
  const driver = await bench.open()
  rmSync(join(bench.dataFolder, 'work'), { recursive: true })
  writeFileSync(join(bench.dataFolder, 'work'), '')
  const spec = newSpec()
  await assert.rejects(driver.start(spec, AbortSignal.timeout(5_000)), { code: 'WORK_FOLDER_UNUSABLE' })
  assert.ok(!existsSync(join(bench.dataFolder, 'run', spec.runnerId)))
  rmSync(join(bench.dataFolder, 'work'))
})

test('a pid that belongs to another process by now is never signalled', async (t) => {
  const bench = await newBench(t)
  const driver = await bench.open()
  const spec = newSpec()
  const runner = await startUp(driver, spec)
  const bystander = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.after(() => bystander.kill('SIGKILL'))
  await once(bystander, 'spawn')
  const note = join(bench.dataFolder, 'run', spec.runnerId, 'pid')
  const before = JSON.parse(readFileSync(note, 'utf8')) as { pid: number; startedAt: string }
  process.kill(before.pid, 'SIGKILL')
  await waitFor(() => !isAlive(before), { what: 'the end of the runner' })
  writeFileSync(note, JSON.stringify({ ...before, pid: bystander.pid }))
  assert.equal((await driver.inspect(runner.runnerId))?.state, 'gone')
  await driver.stop(spec.runnerId, { graceMs: 0 })
  assert.ok(identify(bystander.pid!) !== null)
})

test('a runner whose start was cut off before its pid was noted is found and ended', async (t) => {
  const bench = await newBench(t)
  const first = await bench.open()
  const spec = newSpec()
  const runner = await startUp(first, spec)
  await first.close()
  rmSync(join(bench.dataFolder, 'run', spec.runnerId, 'pid'))
  const second = await bench.open()
  assert.equal((await second.inspect(spec.runnerId))?.externalId, runner.externalId)
  await second.stop(spec.runnerId, { graceMs: 0 })
  assert.equal(identify(Number(runner.externalId)), null)
})

test('stop ends processes that left group, session and parent, and frees read-only folders', async (t) => {
  const bench = await newBench(t)
  const driver = await bench.open()
  const spec = newSpec()
  await startUp(driver, spec)
  const home = join(bench.dataFolder, 'work', spec.runnerId, 'home')
  const script = 'mkdir -p locked/deep && chmod 500 locked && (setsid sleep 600 &) && exit 0'
  const { uid, gid } = statSync(home)
  const outside = spawn('sh', ['-c', script], {
    env: { HOME: home, PATH: process.env.PATH },
    cwd: home,
    uid,
    gid,
  })
  await once(outside, 'exit')
  const [straggler] = await waitFor(
    () => {
      const found = withEnvironment(`HOME=${home}`).filter(({ pid }) => commandOf(pid).startsWith('sleep'))
      return found.length > 0 && found
    },
    { what: 'the straggler to run' },
  )
  await driver.stop(spec.runnerId, { graceMs: 2_000 })
  assert.ok(!isAlive(straggler!))
  assert.ok(!existsSync(home))
})

test('sessions are isolated where bubblewrap works', async (t) => {
  assert.equal((await (await newBench(t)).open()).isolation, 'bubblewrap')
})

test('isolation that is demanded and not possible is refused, and else the log says so', async (t) => {
  const { dataFolder } = await newBench(t)
  const lines: string[] = []
  const log = createLog({ destination: { write: (line) => lines.push(line) } })
  const trySandbox = async (): Promise<SandboxVerdict> => ({ usable: false, reason: 'no user namespaces' })
  await assert.rejects(createProcessDriver({ dataFolder, isolation: 'bubblewrap', log, trySandbox }), {
    code: 'START_FAILED',
    message: 'no user namespaces.',
  })
  await assert.rejects(createProcessDriver({ dataFolder, mustIsolate: true, log, trySandbox }), {
    code: 'START_FAILED',
    message: /Other machines can reach this server, and no user namespaces; .*--allow-unisolated\.$/,
  })
  const driver = await createProcessDriver({ dataFolder, log, trySandbox })
  assert.equal(driver.isolation, 'none')
  assert.match(lines.join(''), /not isolated.*|no user namespaces/)
  await driver.close()
})

test('a driver whose runner program cannot start says so and leaves nothing', async (t) => {
  const bench = await newBench(t)
  const driver = await createProcessDriver({ dataFolder: bench.dataFolder, runnerEntry: '/nowhere.js', log })
  t.after(() => driver.close())
  const gone: string[] = []
  driver.watch((runner) => gone.push(`${runner.state}: ${runner.detail}`))
  const spec = newSpec()
  await driver.start(spec, AbortSignal.timeout(5_000))
  await waitFor(() => gone.length > 0, { what: 'the news of its end' })
  assert.deepEqual(gone, ['gone: the runner ended: code 1'])
  await driver.stop(spec.runnerId, { graceMs: 0 })
  assert.deepEqual(readdirSync(join(bench.dataFolder, 'run')), [])
})

test('a runner that cannot be bounded as it shall be is not left running', async (t) => {
  const bench = await newBench(t)
  if ((await ControlGroups.open())?.holds.includes('cpus') !== true) return
  // Less than the kernel takes.
  const limits = { processes: 0, memoryBytes: 0, cpus: 0.001, openFiles: 0, diskBytes: 0 }
  const driver = await createProcessDriver({ dataFolder: bench.dataFolder, limits, log })
  t.after(() => driver.close())
  const spec = newSpec()
  await assert.rejects(driver.start(spec, AbortSignal.timeout(5_000)), { code: 'START_FAILED' })
  assert.equal(withArgument(`unix:${join(bench.dataFolder, 'run', spec.runnerId, 's')}`), null)
  assert.deepEqual(readdirSync(join(bench.dataFolder, 'run')).filter(isRunner), [])
  assert.deepEqual(readdirSync(join(bench.dataFolder, 'work')).filter(isRunner), [])
})

test('control groups of runners that nobody ended go with the next start, those of living ones stay', async (t) => {
  const groups = await ControlGroups.open()
  if (groups === null) return
  const limits = { processes: 100, memoryBytes: 0, cpus: 0 }
  const [living, dead] = [newSpec().runnerId, newSpec().runnerId]
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const file = groups.memoryEvents(dead)
  await groups.enclose(dead, child.pid!, limits)
  await groups.enclose(living, child.pid!, limits)
  t.after(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await groups.remove(living)
  })
  await ControlGroups.open()
  assert.deepEqual(await groups.members(living), [child.pid])
  if (file !== null) assert.equal(existsSync(file), false)
})

test('a group that another server sweeps away before its runner is in it is made again', async (t) => {
  const groups = await ControlGroups.open()
  const base = dirname(dirname(groups?.memoryEvents('any') ?? '/'))
  if (groups === null || base === '/') return
  const names = Array.from({ length: 200 }, () => newSpec().runnerId)
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const place = new Int32Array(new SharedArrayBuffer(4))
  const sweeper = new Worker(SWEEPER, { eval: true, workerData: { names, base, place } })
  t.after(async () => {
    await sweeper.terminate()
    child.kill('SIGKILL')
    await once(child, 'exit')
    for (const name of names) await groups.remove(name)
  })
  const [ready] = (await once(sweeper, 'message')) as [string]
  assert.equal(ready, 'ready')
  for (const [i, name] of names.entries()) {
    Atomics.store(place, 0, i)
    // Each limit is one more file that the other may come in between.
    const limits = { processes: 100, memoryBytes: 1_000_000_000, cpus: 1 }
    await groups.prepare(name, limits)
    await groups.enclose(name, child.pid!, limits)
    assert.deepEqual(await groups.members(name), [child.pid])
  }
})

/** Takes each group away once, as soon as it is there, while it is empty. */
const SWEEPER = `
  const { parentPort, workerData: { names, base, place } } = require('node:worker_threads')
  const { rmdirSync } = require('node:fs')
  parentPort.postMessage('ready')
  for (let swept = -1; ; ) {
    const i = Atomics.load(place, 0)
    if (i === swept) continue
    try {
      rmdirSync(base + '/' + names[i])
      swept = i
    } catch {}
  }
`

function isRunner(name: string): boolean {
  return name.startsWith('run_')
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
}
