import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import fc from 'fast-check'
import { groupSessions, holdPlaces } from '../../console/src/state/steady-list.ts'

const info = (id: number, state: 'running' | 'ended'): SessionInfo =>
  ({ id: `ses_${id}`, state, createdAt: new Date(id * 1_000).toISOString() }) as SessionInfo

/** A list at some moment: for each session whether it is there, and whether it has ended. */
const moment = fc
  .array(fc.constantFrom('running', 'ended', 'absent'), { minLength: 8, maxLength: 8 })
  .map((states) =>
    states
      .flatMap((state, id) => (state === 'absent' ? [] : [info(id, state)]))
      .toSorted((one, other) => other.createdAt.localeCompare(one.createdAt)),
  )

test('whatever comes, ends and goes: what is held keeps its place, and each session is shown once or waits', () => {
  fc.assert(
    fc.property(moment, moment, (before, after) => {
      const held = groupSessions(before)
      const { live, ended, waiting } = holdPlaces(held, { sessions: after, known: after })
      const ids = (listed: readonly { session: SessionInfo }[]): string[] =>
        listed.map(({ session }) => session.id)
      const rows = ids([...held.live, ...held.ended])
      assert.deepEqual(ids(live).slice(0, held.live.length), ids(held.live))
      if (held.ended.length > 0) assert.deepEqual(ids([...live, ...ended]).slice(0, rows.length), rows)
      const shown = [...live, ...ended]
      assert.equal(new Set(ids(shown)).size, shown.length)
      const there = new Set(after.map(({ id }) => id))
      for (const { session, gone } of shown) assert.equal(gone, !there.has(session.id))
      assert.equal(shown.filter(({ gone }) => !gone).length + waiting, after.length)
      for (const { session, gone } of shown)
        if (!gone) assert.ok(after.includes(session), 'it is told as it is')
    }),
  )
})

test('older sessions that were asked for come behind', () => {
  const held = groupSessions([info(9, 'running'), info(8, 'ended')])
  const sessions = [info(9, 'running'), info(8, 'ended'), info(3, 'ended')]
  const { ended, waiting } = holdPlaces(held, { sessions, known: sessions })
  assert.deepEqual(
    ended.map(({ session }) => session.id),
    ['ses_8', 'ses_3'],
  )
  assert.equal(waiting, 0)
})

test('a session that belongs here no more is told as it is known', () => {
  const held = groupSessions([info(9, 'running'), info(8, 'running')])
  const { live } = holdPlaces(held, {
    sessions: [info(9, 'running')],
    known: [info(9, 'running'), info(8, 'ended')],
  })
  assert.deepEqual(
    live.map(({ session, gone }) => [session.id, session.state, gone]),
    [
      ['ses_9', 'running', false],
      ['ses_8', 'ended', true],
    ],
  )
})

test('a new session waits only where others would have to make room', () => {
  const held = groupSessions([info(9, 'running')])
  const above = [info(10, 'running'), info(9, 'running')]
  assert.equal(holdPlaces(held, { sessions: above, known: above }).waiting, 1)
  const below = [info(10, 'ended'), info(9, 'running')]
  assert.equal(holdPlaces(held, { sessions: below, known: below }).waiting, 0)
})
