import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JsonObject, RESUME_GAP_BYTES, type RunnerFigures } from '@cliscale/sdk/protocol'
import { FleetFigures } from '../../src/controller/fleet-figures.ts'
import { readEvent } from '../../src/controller/runner-reports.ts'

type Given = Partial<RunnerFigures>

const REST: RunnerFigures = {
  resumes: { fresh: 0, delta: 0, snapshot: 0, failed: 0 },
  gaps: Array.from({ length: RESUME_GAP_BYTES.length + 1 }, () => 0),
  gapBytes: 0,
  replayedBytes: 0,
  pausedMs: 0,
  ringBytes: 0,
  unackedBytes: 0,
  clients: { driver: 0, observer: 0 },
}

function figures(given: Given = {}): RunnerFigures {
  return { ...REST, ...given }
}

/** What a line with these figures is read as. */
function read(given: object): unknown {
  const line = { type: 'figures', figures: { ...figures(), ...given } } as unknown as JsonObject
  return readEvent(line)
}

/** One resume of so many bytes, which fall into the bucket up to 1 KiB. */
function resumed(bytes: number): Given {
  const gaps = REST.gaps.map((_, bucket) => (bucket === 1 ? 1 : 0))
  return { resumes: { ...REST.resumes, delta: 1 }, gaps, gapBytes: bytes }
}

test('counters of living and ended runners are added up, and what is now is of those that live', () => {
  const fleet = new FleetFigures()
  fleet.take('a', figures())
  fleet.take('b', figures())
  fleet.take('a', figures({ ...resumed(100), replayedBytes: 90, pausedMs: 1_500, ringBytes: 7 }))
  fleet.take('b', figures({ ...resumed(50), ringBytes: 5, clients: { driver: 1, observer: 2 } }))
  assert.equal(fleet.now.ringBytes, 12)
  fleet.forget('a')
  assert.equal(fleet.resumes.delta, 2)
  assert.equal(fleet.replayedBytes, 90)
  assert.equal(fleet.pausedMs, 1_500)
  assert.deepEqual([fleet.gaps.count, fleet.gaps.sum, fleet.gaps.counts[1]], [2, 150, 2])
  assert.deepEqual(fleet.now, { ringBytes: 5, unackedBytes: 0, clients: { driver: 1, observer: 2 } })
  assert.equal(fleet.refused, 0)
})

test('what a runner counted before a server took it up is not counted again', () => {
  const fleet = new FleetFigures()
  fleet.take('a', figures({ replayedBytes: 1_000_000 }))
  fleet.take('a', figures({ replayedBytes: 1_000_005 }))
  assert.equal(fleet.replayedBytes, 5)
})

test('a report in which a counter falls or grows beyond what a runner can is refused and counted', () => {
  const fleet = new FleetFigures()
  fleet.take('a', figures({ replayedBytes: 10, pausedMs: 10 }))
  const lies = [
    figures({ replayedBytes: 9, pausedMs: 10 }),
    figures({ replayedBytes: Number.MAX_SAFE_INTEGER, pausedMs: 10 }),
    figures({ replayedBytes: 10, pausedMs: 3_600_000 }),
    figures({ replayedBytes: 10, pausedMs: 10, resumes: { ...REST.resumes, fresh: 1_000_000 } }),
  ]
  for (const lie of lies) fleet.take('a', lie)
  assert.equal(fleet.refused, lies.length)
  fleet.take('a', figures({ replayedBytes: 11, pausedMs: 10 }))
  assert.equal(fleet.replayedBytes, 1)
  assert.equal(fleet.resumes.fresh, 0)
})

test('figures that are not of the contract are refused', () => {
  assert.deepEqual(read({}), { type: 'figures', figures: figures() })
  const wrong = [
    { replayedBytes: -1 },
    { replayedBytes: 0.5 },
    { replayedBytes: '1' },
    { pausedMs: 2 ** 60 },
    { gaps: [] },
    { gaps: REST.gaps.map(() => null) },
    { gapBytes: 1 },
    { gaps: resumed(1).gaps },
    { ringBytes: 67_108_865 },
    { unackedBytes: 67_108_865 },
    { clients: { driver: 65, observer: 0 } },
    { clients: null },
    { resumes: {} },
  ]
  for (const given of wrong) assert.throws(() => read(given), { code: 'RUNNER_UNREACHABLE' })
})
