import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransferRate } from '../src/core/transfer-rate.ts'
import { bytesText, durationText, exitText, progressText } from '../src/core/wording.ts'

test('bytes are written in the unit that keeps three digits', () => {
  assert.deepEqual([0, 999, 1_000, 999_499, 999_500, 12_345_678, 4e12].map(bytesText), [
    '0 B',
    '999 B',
    '1.0 KB',
    '999 KB',
    '1.0 MB',
    '12.3 MB',
    '4.0 TB',
  ])
})

test('spans are written in at most two units', () => {
  assert.deepEqual([0.2, 59, 60, 200, 3_661].map(durationText), [
    '1 s',
    '59 s',
    '1 min',
    '3 min 20 s',
    '1 h 1 min',
  ])
})

test('a rate appears once enough was seen, and with it the time that is left', () => {
  const rate = new TransferRate()
  const at = (done: number, total: number | null, now: number) =>
    progressText({ done, total, unit: 'bytes' }, rate.add({ done, total, unit: 'bytes' }, now))
  assert.equal(at(0, 10_000_000, 0), '0 B of 10.0 MB')
  assert.equal(at(1_000_000, 10_000_000, 300), '1.0 MB of 10.0 MB')
  assert.equal(at(2_000_000, 10_000_000, 1_000), '2.0 MB of 10.0 MB · 2.0 MB/s · 4 s left')
  assert.equal(at(0, null, 2_000), '0 B')
})

test('an exit is told by its code, its signal or its reason', () => {
  assert.equal(exitText({ code: 3, signal: null, reason: 'exited' }), 'Exited with code 3')
  assert.equal(exitText({ code: null, signal: 'SIGKILL', reason: 'exited' }), 'Ended by SIGKILL')
  assert.equal(exitText({ code: null, signal: null, reason: 'expired' }), 'Its lifetime was over')
  const failure = { code: 'RUNNER_LOST', message: 'The runner died.' }
  assert.equal(exitText({ code: null, signal: null, reason: 'failed', failure }), 'The runner died.')
})
