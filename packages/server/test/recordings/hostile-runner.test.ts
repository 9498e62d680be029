import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { RECORDING_CUT_LABEL, RUNNER_RECORDING_HEADERS } from '@cliscale/sdk/protocol'
import { Spool, SpoolOverflow } from '../../src/controller/recordings/spool.ts'
import { readRecording, type RecordingPart, type RunnerTarget } from '../../src/controller/runner-client.ts'

/** Whoever owns a session's command may come to own its runner, which then answers what it likes. */
async function hostile(t: TestContext, answer: (response: ServerResponse) => void): Promise<RunnerTarget> {
  const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { runnerId: 'run_x', address: `tcp:127.0.0.1:${port}`, secret: 's' }
}

const ask = (target: RunnerTarget, offset = 0): Promise<RecordingPart | null> =>
  readRecording(target, offset, AbortSignal.timeout(5_000))

const said = (state: string, total: string, length: number | undefined): OutgoingHttpHeaders => ({
  [RUNNER_RECORDING_HEADERS.state]: state,
  [RUNNER_RECORDING_HEADERS.total]: total,
  ...(length === undefined ? {} : { 'content-length': length }),
})

test('an answer about a recording that is not of the contract is refused', async (t) => {
  const cases: readonly OutgoingHttpHeaders[] = [
    {},
    said('open', '10', undefined),
    said('open', '10', 9),
    said('open', '-5', 5),
    said('open', '1e400', 5),
    said('done', '5', 5),
  ]
  for (const headers of cases) {
    const target = await hostile(t, (response) => response.writeHead(200, headers).end())
    await assert.rejects(ask(target), { code: 'RUNNER_UNREACHABLE' }, JSON.stringify(headers))
  }
  const none = await hostile(t, (response) => response.writeHead(404).end('{}'))
  assert.equal(await ask(none), null)
  const other = await hostile(t, (response) => response.writeHead(403).end('{}'))
  await assert.rejects(ask(other), { code: 'RUNNER_REFUSED' })
})

test('no runner fills the disk of the server', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'spool-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const spool = new Spool(folder)
  const id = 'ses_0123456789abcdefghijkl'
  const target = await hostile(t, (response) => {
    response.writeHead(200, said('open', String(10_000_000), 10_000_000))
    Readable.from(Array.from({ length: 1_000 }, () => Buffer.alloc(10_000))).pipe(response)
  })
  const part = await ask(target)
  assert.ok(part !== null)
  await assert.rejects(spool.write(id, { offset: 0, body: part.body, maxBytes: 100_000 }), SpoolOverflow)
  assert.ok((await spool.size(id)) <= 100_000)
})

test('the spool takes the same bytes twice, cuts a torn line and sees a recording that was cut', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'spool-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const spool = new Spool(join(folder, 'made when needed'))
  const id = 'ses_0123456789abcdefghijkl'
  assert.deepEqual(await spool.settle(id), { bytes: 0, truncated: false })
  assert.deepEqual(await spool.list(), [])
  const write = (text: string, offset: number): Promise<number> =>
    spool.write(id, { offset, body: Readable.from([Buffer.from(text)]), maxBytes: 1_000 })
  const whole = `{"version":3}\n[0,"o","x"]\n[0,"m",${JSON.stringify(RECORDING_CUT_LABEL)}]\n[0.1,"x","0"]\n`
  await write(whole.slice(0, 20), 0)
  await write(whole.slice(10), 10)
  assert.equal(await write('[0.2', whole.length), whole.length + 4)
  assert.deepEqual(await spool.settle(id), { bytes: whole.length, truncated: true })
  assert.equal(await readFile(spool.pathOf(id), 'utf8'), whole)
  assert.deepEqual(await spool.list(), [id])
  await spool.remove(id)
  assert.throws(() => spool.pathOf('../../etc/passwd'), /not the id/)

  await write(`{"version":3}\n[0,"o",${JSON.stringify(`[0,"m","${RECORDING_CUT_LABEL}"]\n`)}]\n`, 0)
  assert.equal((await spool.settle(id)).truncated, false)
})
