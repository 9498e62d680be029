import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { CreateSessionResponse, Role, TerminalAccess } from '@cliscale/sdk/protocol'
import { connectTerminal, opened, type TerminalClient } from '../gateway/support/terminal-client.ts'
import { backwards } from '../support/backwards.ts'
import { runnerPids } from '../support/data-folder.ts'
import { type Family, parseExposition, sumOf } from '../support/exposition.ts'
import { documentedParts } from '../support/generate-metrics.ts'
import { callApi, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

type Scrape = ReadonlyMap<string, Family>

interface Scene {
  readonly t: TestContext
  readonly server: SpawnedServer
}

const HELLO = { type: 'hello', v: 1, columns: 80, rows: 24, input: 0 } as const
const UPGRADES = 'cliscale_gateway_upgrades_total'
const DROPPED = 'cliscale_gateway_frames_dropped_total'
const CLOSED = 'cliscale_gateway_closed_total'
const DIALS = 'cliscale_gateway_dials_total'
const RESUMES = 'cliscale_runner_resumes_total'

async function scrape({ server }: Scene): Promise<Scrape> {
  const response = await fetch(`${server.internalUrl}/metrics`)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  return parseExposition(await response.text())
}

/** Waits until a figure is as it should be, and resolves with the scrape. */
async function untilFigure(scene: Scene, what: string, isSo: (families: Scrape) => boolean): Promise<Scrape> {
  return await waitFor(
    async () => {
      const families = await scrape(scene)
      return isSo(families) && families
    },
    { what, withinMs: 45_000 },
  )
}

async function create({ server }: Scene, body: object): Promise<CreateSessionResponse> {
  const response = await callApi(server, { method: 'POST', path: '/v1/sessions', body })
  assert.equal(response.status, 201)
  return (await response.json()) as CreateSessionResponse
}

async function access({ server }: Scene, id: string, role: Role = 'driver'): Promise<TerminalAccess> {
  const path = `/v1/sessions/${id}/tokens`
  const response = await callApi(server, { method: 'POST', path, body: { role } })
  return (await response.json()) as TerminalAccess
}

/** Attaches a terminal, and says hello. */
async function attach(
  { t }: Scene,
  { url, token }: TerminalAccess,
  hello: object = {},
): Promise<TerminalClient> {
  const client = await opened(connectTerminal(t, url, { token }))
  client.send({ ...HELLO, client: crypto.randomUUID(), ...hello })
  await client.got('ready')
  return client
}

/** The runner that a new session got. */
async function runnerOf(scene: Scene, before: readonly number[]): Promise<number> {
  const pids = await runnerPids(scene.server.dataDir)
  return pids.find((pid) => !before.includes(pid)) ?? assert.fail('no runner')
}

function outputOf({ messages }: TerminalClient): Buffer {
  return Buffer.concat(messages.flatMap((message) => (message.type === 'output' ? [message.data] : [])))
}

/** A driver types, goes, and comes back for what it lacks; an observer sees it and tries to type. */
async function typeAndResume(scene: Scene): Promise<{ lacked: number }> {
  const { session, terminal } = await create(scene, { command: 'cat' })
  const id = crypto.randomUUID()
  const driver = await attach(scene, terminal, { client: id })
  const observer = await attach(scene, await access(scene, session.id, 'observer'))
  driver.send({ type: 'input', data: Buffer.from('hello\r') })
  driver.socket.send(Buffer.alloc(0))
  observer.send({ type: 'input', data: Buffer.from('may I') })
  for (const client of [driver, observer]) {
    await waitFor(() => outputOf(client).toString() === 'hello\r\nhello\r\n', { what: 'the echo' })
  }
  const { epoch } = await driver.got('ready')
  driver.socket.terminate()
  const resume = { epoch, offset: 5 }
  const back = await attach(scene, await access(scene, session.id), { client: id, input: 6, resume })
  assert.equal((await back.got('ready')).mode, 'delta')
  return { lacked: 'hello\r\nhello\r\n'.length - resume.offset }
}

/** Refused upgrades of every kind that a client can bring about by itself. */
async function beRefused(scene: Scene): Promise<void> {
  const { t } = scene
  const { session, terminal } = await create(scene, { command: 'cat' })
  await attach(scene, terminal)
  const { url, token } = terminal
  const unknown = url.replace(session.id, `${session.id.slice(0, -4)}AAAA`)
  const fresh = await access(scene, session.id)
  const attempts = [
    connectTerminal(t, url, { token: 'nonsense' }),
    connectTerminal(t, url, { token }),
    connectTerminal(t, url),
    connectTerminal(t, unknown, { token: fresh.token }),
    connectTerminal(t, url, { token: fresh.token, origin: 'https://elsewhere.example' }),
  ]
  for (const attempt of attempts) await attempt.over()
}

/** A message that is too large, in a terminal that works. */
async function sendTooMuch(scene: Scene): Promise<void> {
  const { terminal } = await create(scene, { command: 'cat' })
  const client = await attach(scene, terminal)
  client.socket.send(Buffer.alloc(70_000, '0'))
  assert.equal((await client.over()).code, 1009)
}

/** A runner that hangs is dialled in vain; then it is killed. */
async function loseRunner(scene: Scene): Promise<void> {
  const before = await runnerPids(scene.server.dataDir)
  const { session, terminal } = await create(scene, { command: 'cat' })
  const client = await attach(scene, terminal)
  const pid = await runnerOf(scene, before)
  // What a runner has not told when it is killed is lost.
  await untilFigure(scene, 'all attachments so far', (families) => sumOf(families, RESUMES) === 7)
  process.kill(pid, 'SIGSTOP')
  const { url, token } = await access(scene, session.id)
  const inVain = connectTerminal(scene.t, url, { token })
  assert.equal((await inVain.over()).code, 1013)
  process.kill(pid, 'SIGKILL')
  await client.over()
}

/** A client of a flood that does not read: both its runner and its program are held. */
async function hold(scene: Scene): Promise<TerminalClient> {
  const { terminal } = await create(scene, { command: 'yes' })
  const { url, token } = terminal
  const client = await opened(connectTerminal(scene.t, url, { token, protocols: ['tty'] }))
  client.send({ type: 'hello', columns: 80, rows: 24 })
  await client.got('output')
  client.socket.pause()
  return client
}

function checkDocumented(families: Scrape, documented: Awaited<ReturnType<typeof documentedParts>>): void {
  const metrics = documented.flatMap(({ title, metrics: all }) => (title === 'Workers' ? [] : all))
  assert.deepEqual([...families.keys()].toSorted(), metrics.map(({ name }) => name).toSorted())
  for (const { name, type, labels, help } of metrics) {
    const family = families.get(name)
    assert.equal(family?.type, type, name)
    assert.equal(family?.help, help, name)
    for (const sample of family?.samples ?? []) {
      const { le, ...own } = sample.labels
      assert.equal(le !== undefined, sample.name === `${name}_bucket` && type === 'histogram')
      for (const [label, value] of Object.entries(own)) {
        const values = labels[label]
        assert.ok(values === null || values?.includes(value), `${name} has ${label}="${value}"`)
      }
    }
  }
}

test(
  'metrics of a real server tell what real traffic and real failures did, each as it is documented',
  { timeout: 200_000 },
  async (t) => {
    const scene = await begin(t)
    const before = await scrape(scene)
    checkDocumented(before, await documentedParts())
    for (const name of [UPGRADES, CLOSED, DIALS, RESUMES]) assert.equal(sumOf(before, name), 0, name)

    const quiet = await attach(scene, (await create(scene, { command: 'cat' })).terminal)
    await create(scene, { command: 'echo', args: ['recorded'], recording: 'output' })
    const { lacked } = await typeAndResume(scene)
    await beRefused(scene)
    await sendTooMuch(scene)
    await loseRunner(scene)
    const held = await hold(scene)
    checkHeld(await untilFigure(scene, 'a held runner', isHeld))
    held.socket.terminate()
    // The gateway pings a quiet client after 20 to 30 seconds.
    await waitFor(() => quiet.pings.length > 0, { what: 'a ping', withinMs: 40_000 })
    const after = await untilFigure(scene, 'what comes late', (families) => isLate(families))
    checkDocumented(after, await documentedParts())
    checkTraffic(after)
    checkFailures(after)
    checkRunners(after, lacked)
    await checkDrain(scene)
  },
)

async function begin(t: TestContext): Promise<Scene> {
  const cleanup = backwards(t)
  const server = await spawnServer(cleanup, {
    flags: ['--workers=1', '--spare-runners=0'],
    env: { CLISCALE_DRAIN_SECONDS: '5' },
  })
  return { t: cleanup, server }
}

function isHeld(families: Scrape): boolean {
  return (
    sumOf(families, 'cliscale_gateway_paused_connections', { side: 'runner' }) === 1 &&
    sumOf(families, 'cliscale_gateway_pause_seconds_total', { side: 'runner' }) > 0.5 &&
    sumOf(families, 'cliscale_runner_pty_paused_seconds_total') > 0.5
  )
}

function checkHeld(families: Scrape): void {
  assert.ok(sumOf(families, 'cliscale_gateway_buffered_bytes') > 0)
  assert.ok(sumOf(families, 'cliscale_gateway_bytes_total', { direction: 'out' }) > 100_000)
  assert.ok(sumOf(families, 'cliscale_runner_unacked_bytes') > 100_000)
  assert.ok(sumOf(families, 'cliscale_runner_ring_bytes') > 100_000)
  assert.equal(sumOf(families, 'cliscale_gateway_pause_seconds_total', { side: 'client' }), 0)
}

/** Recordings and runners tell within a few seconds. */
function isLate(families: Scrape): boolean {
  return (
    sumOf(families, 'cliscale_gateway_ping_rtt_seconds') > 0 &&
    sumOf(families, 'cliscale_controller_recordings_total', { state: 'stored' }) === 1 &&
    sumOf(families, RESUMES) === 8 &&
    sumOf(families, 'cliscale_gateway_connections') === 4 &&
    sumOf(families, 'cliscale_runner_viewers') === 4
  )
}

function checkTraffic(families: Scrape): void {
  const sum = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
    sumOf(families, `cliscale_gateway_${name}`, labels)
  assert.equal(sum('upgrades_total', { result: 'ok', reason: '' }), 9)
  for (const phase of ['verify', 'redeem', 'dial', 'handshake', 'total'])
    assert.ok(sum('upgrade_duration_seconds', { phase }) >= 8, phase)
  assert.equal(sum('connections', { role: 'driver' }), 3)
  assert.equal(sum('connections', { role: 'observer' }), 1)
  assert.equal(sum('pending_upgrades'), 0)
  assert.ok(sum('frames_total', { direction: 'in', opcode: 'binary' }) > 10)
  assert.ok(sum('frames_total', { direction: 'in', opcode: 'pong' }) >= 1)
  assert.ok(sum('frames_total', { direction: 'out', opcode: 'binary' }) > 20)
  assert.ok(sum('bytes_total', { direction: 'in' }) > 70_000)
  assert.equal(sum('draining'), 0)
  assert.equal(sum('jwks_keys'), 1)
  assert.ok(sum('db_pool_wait_seconds') > 20)
  assert.equal(sum('paused_connections'), 0)
  assert.ok(sumOf(families, 'cliscale_controller_runners') >= 4)
  assert.ok(sumOf(families, 'cliscale_controller_active_sessions') >= 4)
}

function checkFailures(families: Scrape): void {
  const rejected = { token_invalid: 2, token_used: 1, token_missing: 1, origin_refused: 1 }
  for (const [reason, count] of Object.entries(rejected))
    assert.equal(sumOf(families, UPGRADES, { result: 'rejected', reason }), count, reason)
  assert.equal(sumOf(families, UPGRADES, { result: 'rejected' }), 5)
  for (const reason of ['viewer_input', 'empty', 'oversize'])
    assert.equal(sumOf(families, DROPPED, { reason }), 1, reason)
  assert.ok(sumOf(families, DIALS, { result: 'runner_unreachable' }) >= 1)
  assert.equal(sumOf(families, DIALS, { result: 'ok' }), 8)
  assert.equal(sumOf(families, CLOSED, { side: 'gateway', code: '1009' }), 1)
  // The client of the killed runner is asked to come back, or told the end if that is known already.
  assert.ok(sumOf(families, CLOSED, { side: 'gateway', code: '1013' }) >= 1)
  assert.equal(sumOf(families, CLOSED, { side: 'gateway' }), 3)
  assert.equal(sumOf(families, CLOSED, { side: 'client', code: '1006' }), 2)
  assert.equal(sumOf(families, CLOSED), 5)
  assert.equal(sumOf(families, 'cliscale_gateway_connection_duration_seconds'), 5)
}

function checkRunners(families: Scrape, lacked: number): void {
  assert.equal(sumOf(families, RESUMES, { mode: 'delta' }), 1)
  assert.equal(sumOf(families, RESUMES, { mode: 'failed' }), 0)
  const gaps = families.get('cliscale_runner_resume_gap_bytes')?.samples ?? []
  assert.equal(gaps.find(({ name }) => name.endsWith('_sum'))?.value, lacked)
  assert.equal(sumOf(families, 'cliscale_runner_resume_gap_bytes'), 1)
  assert.ok(sumOf(families, 'cliscale_runner_replay_bytes_total') >= lacked)
  assert.deepEqual(
    (['driver', 'observer'] as const).map((role) => sumOf(families, 'cliscale_runner_viewers', { role })),
    [3, 1],
  )
  assert.equal(sumOf(families, 'cliscale_runner_refused_figures_total'), 0)
}

/** A server that is about to stop says so, refuses, and tells how many terminals it has left. */
async function checkDrain(scene: Scene): Promise<void> {
  const { session } = await create(scene, { command: 'cat' })
  const { url, token } = await access(scene, session.id)
  const gone = scene.server.stop('SIGTERM')
  const draining = await untilFigure(scene, 'the drain', (families) => {
    return sumOf(families, 'cliscale_gateway_draining') === 1
  })
  assert.ok(sumOf(draining, 'cliscale_gateway_drain_remaining_connections') > 0)
  const late = connectTerminal(scene.t, url, { token })
  await waitFor(() => late.refused, { what: 'the refusal' })
  const refused = await scrape(scene)
  assert.equal(sumOf(refused, UPGRADES, { result: 'rejected', reason: 'draining' }), 1)
  assert.equal(await gone, 0)
}
