import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { identify } from '../../src/drivers/process/processes/process-table.ts'
import { dataFolder, removeDataFolder, runnerPids } from '../support/data-folder.ts'
import { spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

/** Children of a process. */
function childrenOf(pid: number): number {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).length
}

async function livingRunners(dataDir: string): Promise<number[]> {
  return (await runnerPids(dataDir)).filter((pid) => identify(pid) !== null)
}

test('after a kill -9 with five live sessions each can be attached to or has ended with a reason', async (t) => {
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  const before = await spawnServer(t, { dataDir, flags: ['--spare-runners=1'] })
  const client = new Cliscale({ baseUrl: before.baseUrl, apiKey: before.apiKey })
  const sessions = await Promise.all(
    [1, 2, 3, 4, 5].map(() => client.sessions.create({ command: 'cat', lifetimeSeconds: 600 })),
  )
  for (const session of sessions) await session.waitUntil('running')
  await before.stop('SIGKILL')
  // One runner dies while no server is there to see it.
  const victim = (await livingRunners(dataDir)).find((pid) => childrenOf(pid) > 0)
  process.kill(victim!, 'SIGKILL')

  const after = await spawnServer(t, { dataDir, apiKey: before.apiKey, flags: ['--spare-runners=1'] })
  const again = new Cliscale({ baseUrl: after.baseUrl, apiKey: before.apiKey })
  const infos = async (): Promise<SessionInfo[]> =>
    Promise.all(sessions.map(async ({ id }) => (await again.sessions.get(id)).info))
  const lost = await waitFor(async () => (await infos()).find(({ state }) => state === 'ended'), {
    what: 'the session without a runner to end',
    withinMs: 30_000,
  })
  assert.equal(lost.endReason, 'failed')
  assert.equal(lost.failure?.code, 'RUNNER_LOST')

  for (const { id } of sessions.filter((session) => session.id !== lost.id)) {
    const session = await again.sessions.get(id)
    assert.equal(session.state, 'running')
    const terminal = session.connect()
    let output = ''
    terminal.on('data', (data) => (output += Buffer.from(data).toString()))
    await terminal.write(`hello ${id}\n`)
    // Once from the terminal's echo, once from the command.
    await waitFor(() => output.split(`hello ${id}`).length > 2, { what: 'an attached terminal to answer' })
    await terminal.write('\x04')
    assert.equal((await terminal.exited).code, 0)
  }
  await waitFor(async () => (await infos()).every(({ state }) => state === 'ended'), {
    what: 'every session to have ended',
  })
  await waitFor(async () => (await livingRunners(dataDir)).length === 1, {
    what: 'only the spare runner to be left',
    withinMs: 30_000,
  })
})
