import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimerWheel, type WheelEntry } from '../../src/gateway/timer-wheel.ts'

interface Entry extends WheelEntry {
  readonly name: string
}

function entry(name: string): Entry {
  return { name, due: -1, wheelNext: null, wheelPrevious: null }
}

/** A wheel whose clock the test turns. */
function wheel(t: {
  mock: { timers: { enable(options: { apis: ['setInterval'] }): void; tick(ms: number): void } }
}) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const due: string[] = []
  const under = new TimerWheel<Entry>({ tickMs: 100, onDue: ({ name }) => due.push(name) })
  const turn = (ticks: number): string[] => {
    t.mock.timers.tick(100 * ticks)
    return due.splice(0)
  }
  return { under, turn }
}

test('entries are due at their tick, near or more than a turn of the wheel away', (t) => {
  const { under, turn } = wheel(t)
  for (const [name, ticks] of [
    ['a', 1],
    ['b', 3],
    ['c', 64],
    ['d', 65],
    ['e', 200],
  ] as const)
    under.schedule(entry(name), ticks)
  assert.equal(under.size, 5)
  assert.deepEqual(turn(1), ['a'])
  assert.deepEqual(turn(1), [])
  assert.deepEqual(turn(1), ['b'])
  assert.deepEqual(turn(60), [])
  assert.deepEqual(turn(1), ['c'])
  assert.deepEqual(turn(1), ['d'])
  assert.deepEqual(turn(134), [])
  assert.deepEqual(turn(1), ['e'])
  assert.equal(under.size, 0)
})

test('an entry can be moved and removed, and those beside it stay', (t) => {
  const { under, turn } = wheel(t)
  const [a, b, c] = [entry('a'), entry('b'), entry('c')]
  for (const one of [a, b, c]) under.schedule(one, 2)
  under.remove(b)
  under.remove(b)
  under.schedule(a, 4)
  assert.deepEqual(Array.from(under.entries(), ({ name }) => name).toSorted(), ['a', 'c'])
  assert.deepEqual(turn(2), ['c'])
  assert.deepEqual(turn(2), ['a'])
})

test('a callback may schedule, and remove another that is due in the same tick', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const [a, b] = [entry('a'), entry('b')]
  const due: string[] = []
  const under: TimerWheel<Entry> = new TimerWheel<Entry>({
    tickMs: 100,
    onDue: (one) => {
      due.push(one.name)
      under.remove(one === a ? b : a)
      under.schedule(one, 1)
    },
  })
  under.schedule(a, 1)
  under.schedule(b, 1)
  t.mock.timers.tick(300)
  assert.equal(new Set(due).size, 1)
  assert.equal(due.length, 3)
  under.close()
  t.mock.timers.tick(300)
  assert.equal(due.length, 3)
})
