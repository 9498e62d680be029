import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gather } from '../../src/gateway/gather.ts'
import { waitFor } from '../support/wait-for.ts'

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

test('work that comes by itself is done at the end of the turn, not before', async () => {
  const done: number[] = []
  const gather = new Gather<number>((piece) => void done.push(piece))
  gather.add(1)
  gather.add(2)
  assert.deepEqual(done, [])
  await turn()
  assert.deepEqual(done, [1, 2])
})

test('work that comes soon after other work is done too, in the order of coming', async () => {
  const done: number[] = []
  const gather = new Gather<number>((piece) => void done.push(piece))
  for (let piece = 0; piece < 6; piece += 1) {
    gather.add(piece)
    await turn()
  }
  await waitFor(() => done.length === 6, { what: 'all pieces' })
  assert.deepEqual(done, [0, 1, 2, 3, 4, 5])
})

test('a storm is worked off in portions, with turns for others between them', async () => {
  const done: number[] = []
  const gather = new Gather<number>((piece) => void done.push(piece))
  for (let piece = 0; piece < 100; piece += 1) gather.add(piece)
  const seen = new Set<number>()
  for (let turns = 0; turns < 100 && done.length < 100; turns += 1) {
    await turn()
    seen.add(done.length)
  }
  assert.deepEqual([...seen], [32, 64, 96, 100])
})
