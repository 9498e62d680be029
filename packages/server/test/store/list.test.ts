import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import type { ListSessions } from '../../src/store/list-sessions.ts'
import type { Store } from '../../src/store/store.ts'
import { testDatabase } from '../support/database.ts'
import { blankRunner, newSession } from '../support/sessions.ts'
import { waitFor } from '../support/wait-for.ts'

async function idsOf(store: Store, query: Omit<ListSessions, 'project'> = {}): Promise<string[]> {
  return (await store.sessions.list({ project: 'p1', ...query })).sessions.map(({ info }) => info.id)
}

/** Creates a session that is surely older than the next: ages are kept in milliseconds. */
async function createInTurn(
  store: Store,
  session: Parameters<typeof newSession>[0] = {},
): Promise<SessionInfo> {
  const { info } = await store.sessions.create(newSession(session))
  await waitFor(() => Date.now() > Date.parse(info.createdAt) + 1, { what: 'the clock to go on' })
  return info
}

async function end(store: Store, { id }: SessionInfo): Promise<void> {
  const exit = { code: 0, signal: null, reason: 'exited' } as const
  await store.sessions.transition({ id, from: ['queued', 'scheduled'], move: { to: 'ended', exit } })
}

test('pages are newest first, complete and without repeats, also among equal times', async (t) => {
  const { store, database } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const made: string[] = []
  for (let i = 0; i < 25; i += 1) made.push((await store.sessions.create(newSession())).info.id)
  await database.query({ text: `UPDATE sessions SET created_at = '2030-01-01T00:00:00.123Z'` })

  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await store.sessions.list({ project: 'p1', limit: 10, ...(cursor ? { cursor } : {}) })
    seen.push(...page.sessions.map(({ info }) => info.id))
    cursor = page.nextCursor ?? undefined
  } while (cursor)

  assert.equal(seen.length, 25)
  assert.deepEqual(new Set(seen), new Set(made))
})

test('a list is narrowed by state, owner and labels, and never shows another project', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  await store.projects.ensure('p2', 'Two')
  const ann = await createInTurn(store, { session: { metadata: { team: 'x', env: 'y' } } })
  const bob = await createInTurn(store, { session: { owner: 'bob', metadata: { team: 'x' } } })
  const over = await createInTurn(store)
  await store.sessions.create(newSession({ session: { project: 'p2' } }))
  await end(store, over)

  assert.deepEqual(await idsOf(store), [over.id, bob.id, ann.id])
  assert.deepEqual(await idsOf(store, { state: 'live' }), [bob.id, ann.id])
  assert.deepEqual(await idsOf(store, { state: 'ended' }), [over.id])
  assert.deepEqual(await idsOf(store, { owner: 'bob' }), [bob.id])
  assert.deepEqual(await idsOf(store, { metadata: { team: 'x' } }), [bob.id, ann.id])
  assert.deepEqual(await idsOf(store, { metadata: { team: 'x', env: 'y' } }), [ann.id])
  assert.deepEqual(await idsOf(store, { metadata: { team: 'z' } }), [])
})

test('a cursor that the list did not give is refused with a sentence', async (t) => {
  const { store } = await testDatabase(t)
  const forged = [
    '',
    'x',
    '%%%',
    Buffer.from('[1]').toString('base64url'),
    Buffer.from('{"a":1}').toString('base64url'),
    Buffer.from('["yesterday","ses_1"]').toString('base64url'),
    Buffer.from(JSON.stringify(['2030-01-01T00:00:00Z', 'a\0b'])).toString('base64url'),
    Buffer.from(JSON.stringify(['2030-01-01T00:00:00Z', { a: 1 }])).toString('base64url'),
  ]
  for (const cursor of forged) {
    await assert.rejects(
      store.sessions.list({ project: 'p1', cursor }),
      { code: 'VALIDATION_FAILED' },
      cursor,
    )
  }
})

test('the queue takes turns between projects, then owners, then goes by age', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  await store.projects.ensure('p2', 'Two')
  const create = async (project: string, owner: string): Promise<string> =>
    (await createInTurn(store, { session: { project, owner } })).id
  const greedy = [await create('p1', 'ann'), await create('p1', 'ann'), await create('p1', 'ann')]
  const bob = await create('p1', 'bob')
  const other = await create('p2', 'cat')

  const { sessions: queue, total } = await store.sessions.queued(10)
  assert.equal(total, 5)
  assert.deepEqual((await store.sessions.queued(2)).total, 5)
  assert.deepEqual(
    queue.map(({ id }) => id),
    [greedy[0], other, bob, greedy[1], greedy[2]],
  )
  assert.deepEqual(
    queue.map(({ position }) => position),
    [1, 2, 3, 4, 5],
  )
  assert.equal(await store.sessions.queuePosition(bob), 3)
  assert.deepEqual(
    (await store.sessions.live()).map(({ id }) => id),
    queue.map(({ id }) => id),
  )

  // What is at work counts: with one session running, ann's next comes after bob's first.
  await blankRunner(store)
  assert.ok(await store.runners.claimBlankFor(greedy[0]!, { driver: 'process', policy: 'test' }))
  assert.deepEqual(
    (await store.sessions.queued(10)).sessions.map(({ id }) => id),
    [other, bob, greedy[1], greedy[2]],
  )
  assert.equal(await store.sessions.queuePosition(greedy[0]!), null)
})

test('sessions over their lifetime are found, live ones and ended ones are not', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const short = (await store.sessions.create(newSession({ session: { lifetimeSeconds: 5 } }))).info
  const over = (await store.sessions.create(newSession({ session: { lifetimeSeconds: 5 } }))).info
  await store.sessions.create(newSession())
  await end(store, over)

  assert.deepEqual(await store.sessions.expired(new Date(), 10), [])
  const later = await store.sessions.expired(new Date(Date.now() + 10_000), 10)
  assert.deepEqual(
    later.map(({ id }) => id),
    [short.id],
  )
})
