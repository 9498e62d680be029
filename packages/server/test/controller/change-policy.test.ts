import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { spawnServer, type SpawnedServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

/** Prints where a session really is: in a sandbox its processes are few and its home is one of its own. */
const LOOK = 'echo "home $HOME"; ls -d /root /home/user 2>/dev/null; echo over'

interface Lives {
  start(flags: readonly string[]): Promise<{ readonly server: SpawnedServer; readonly client: Cliscale }>
  blanks(): Promise<readonly string[]>
}

async function newLives(t: TestContext): Promise<Lives> {
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  const { connectionString, store } = await testDatabase(t)
  let apiKey: string | undefined
  return {
    start: async (flags) => {
      const key = apiKey === undefined ? {} : { apiKey }
      const server = await spawnServer(t, {
        dataDir,
        env: { DATABASE_URL: connectionString },
        ...key,
        flags: ['--spare-runners=1', ...flags],
      })
      apiKey = server.apiKey
      return { server, client: new Cliscale({ baseUrl: server.baseUrl, apiKey }) }
    },
    blanks: async () => {
      const live = await store.runners.live()
      return live.filter(({ state }) => state === 'blank').map(({ id }) => id)
    },
  }
}

for (const [before, after] of [
  ['none', 'bubblewrap'],
  ['bubblewrap', 'none'],
] as const) {
  test(`a runner that waited with isolation ${before} gets no session of a server with ${after}`, async (t) => {
    const lives = await newLives(t)
    const first = await lives.start([`--isolation=${before}`])
    const [old] = await waitFor(
      async () => {
        const blanks = await lives.blanks()
        return blanks.length > 0 && blanks
      },
      { what: 'a blank runner', withinMs: 30_000 },
    )
    await first.server.stop('SIGKILL')

    const { client } = await lives.start([`--isolation=${after}`])
    const session = await client.sessions.create({ command: 'sh', args: ['-c', LOOK] })
    assert.equal(session.info.isolation, after)
    const output = await session.connect().text()
    assert.equal(output.includes('home /home/user'), after === 'bubblewrap', output)
    assert.equal((await client.sessions.get(session.id)).info.isolation, after)
    await waitFor(async () => !(await lives.blanks()).includes(old ?? ''), {
      what: 'the old runner to be retired',
      withinMs: 30_000,
    })
  })
}

test('what sessions are shown is part of what a waiting runner carries', async (t) => {
  const lives = await newLives(t)
  const first = await lives.start(['--session-paths=/srv'])
  const [old] = await waitFor(
    async () => {
      const blanks = await lives.blanks()
      return blanks.length > 0 && blanks
    },
    { what: 'a blank runner', withinMs: 30_000 },
  )
  await first.server.stop('SIGKILL')
  await lives.start([])
  await waitFor(
    async () => {
      const blanks = await lives.blanks()
      return blanks.length > 0 && !blanks.includes(old ?? '')
    },
    { what: 'another blank runner in its place', withinMs: 30_000 },
  )
})
