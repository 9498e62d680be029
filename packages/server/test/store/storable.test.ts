import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CodedError } from '../../src/http/coded-error.ts'
import { testDatabase } from '../support/database.ts'
import { newSession } from '../support/sessions.ts'

const REFUSED = { code: 'VALIDATION_FAILED' }

test('a value that PostgreSQL cannot hold is refused and not quoted, and the connection goes on', async (t) => {
  const { database } = await testDatabase(t)
  const values = ['canary\0', 'canary\ud800', ['ok', 'canary\0'], new Date(-8.64e15), 2 ** 70]
  for (const value of values)
    await assert.rejects(database.query({ text: 'SELECT $1', values: [value] }), REFUSED)
  const statements = [
    ['SELECT $1::jsonb', String.raw`{"a":"canary\u0000"}`],
    ['SELECT $1::jsonb', String.raw`"canary\ud800"`],
    ['SELECT $1::integer', 'canary'],
    ['SELECT $1::bigint', '9223372036854775808'],
    ['SELECT $1::timestamptz', '300000-01-01'],
  ] as const
  for (const [text, value] of statements) {
    const within = database.transaction((transaction) => transaction.query({ text, values: [value] }))
    await assert.rejects(within, (error: CodedError) => {
      assert.equal(error.code, 'VALIDATION_FAILED')
      assert.equal(error.cause, undefined)
      assert.doesNotMatch(error.message, /canary/)
      return true
    })
  }
  assert.deepEqual(await database.query({ text: 'SELECT 1 AS one' }), [{ one: 1 }])
  assert.equal(database.pool.total, 1)
})

test('what a runner says of its session is kept with a mark in the place of what no text may hold', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const made = await store.sessions.create(newSession())
  const { id } = made.info
  const message = 'half \ud800 zero \0 end'
  const phase = await store.sessions.recordPhase(id, { phase: 'queued', message })
  assert.equal(phase?.info.phase?.message, 'half � zero � end')
  const failure = { code: 'START_FAILED', message } as const
  const exit = { code: null, signal: null, reason: 'failed', failure } as const
  const ended = await store.sessions.transition({ id, from: ['queued'], move: { to: 'ended', exit } })
  assert.equal(ended?.info.failure?.message, 'half � zero � end')
})
