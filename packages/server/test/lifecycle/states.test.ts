import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SESSION_STATES } from '@cliscale/sdk/protocol'
import { canMove, mayRequeue, predecessors } from '../../src/lifecycle/states.ts'

test('a session may skip forward once it has a runner, but never before', () => {
  assert.equal(canMove('scheduled', 'running'), true)
  assert.equal(canMove('queued', 'running'), false)
  assert.equal(canMove('queued', 'scheduled'), true)
})

test('any state but the last may go to ended, and nothing leaves it', () => {
  for (const state of SESSION_STATES) {
    assert.equal(canMove(state, 'ended'), state !== 'ended')
    assert.equal(canMove('ended', state), false)
  }
})

test('only a session whose runner has not taken the assignment may go back to the queue', () => {
  assert.deepEqual(predecessors('queued'), ['scheduled', 'pulling', 'assigning'])
  assert.deepEqual(SESSION_STATES.filter(mayRequeue), ['scheduled', 'pulling', 'assigning'])
})

test('predecessors are exactly the states from which a move is legal', () => {
  for (const to of SESSION_STATES) {
    for (const from of SESSION_STATES) assert.equal(predecessors(to).includes(from), canMove(from, to))
  }
})
