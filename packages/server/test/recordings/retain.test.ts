import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Pruner } from '../../src/controller/pruner.ts'
import { RecordingLibrary } from '../../src/controller/recordings/library.ts'
import { Spool } from '../../src/controller/recordings/spool.ts'
import type { Parts } from '../../src/controller/parts.ts'
import { createLog } from '../../src/observability/log.ts'
import { LocalStorage } from '../../src/recordings/local-storage.ts'
import { recordingKey } from '../../src/recordings/storage.ts'
import type { Store } from '../../src/store/store.ts'
import { testDatabase } from '../support/database.ts'
import { newSession } from '../support/sessions.ts'
import { fileWith } from './storage.contract.ts'

const EXIT = { code: 0, signal: null, reason: 'exited' } as const
const STORED = { state: 'stored', bytes: 1, truncated: false } as const

async function recorded(store: Store): Promise<string> {
  const made = await store.sessions.create(newSession({ session: { recording: 'output' } }))
  return made.info.id
}

async function ended(store: Store): Promise<string> {
  const id = await recorded(store)
  await store.sessions.transition({ id, from: ['queued'], move: { to: 'ended', exit: EXIT } })
  return id
}

async function newStore(t: TestContext): Promise<Store> {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  return store
}

test('a recording goes when its time is over, its file first, and its session only after it', async (t) => {
  const store = await newStore(t)
  const folder = await mkdtemp(join(tmpdir(), 'retain-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const storage = new LocalStorage(join(folder, 'stored'))
  const parts = { store, log: createLog({ level: 'silent' }), driver: {} } as unknown as Parts
  const library = new RecordingLibrary({
    parts,
    storage,
    spool: new Spool(join(folder, 'spool')),
    maxBytes: 1_000,
  })
  const id = await ended(store)
  await storage.put(recordingKey(id), await fileWith(t, 'x'))
  await store.recordings.finish(id, STORED)

  await new Pruner({ parts, library, keepEndedMs: 0, keepRecordingsMs: 60_000 }).pruneIfDue()
  assert.deepEqual((await store.sessions.find(id))?.info.recording, { mode: 'output', ...STORED })
  assert.equal(await storage.size(recordingKey(id)), 1)

  await new Pruner({ parts, library, keepEndedMs: 60_000, keepRecordingsMs: 0 }).pruneIfDue()
  assert.equal((await store.sessions.find(id))?.info.recording, null)
  assert.equal(await storage.size(recordingKey(id)), null)

  await new Pruner({ parts, library, keepEndedMs: 0, keepRecordingsMs: 0 }).pruneIfDue()
  assert.equal(await store.sessions.find(id), null)
})

test('a recording is finished once, and not after it was deleted', async (t) => {
  const store = await newStore(t)
  const [one, two] = [await ended(store), await ended(store)]
  assert.deepEqual(
    new Set((await store.recordings.open(10)).map(({ sessionId }) => sessionId)),
    new Set([one, two]),
  )
  assert.equal(await store.recordings.finish(one, STORED), true)
  assert.equal(await store.recordings.finish(one, { ...STORED, bytes: 2 }), false)
  assert.equal(await store.recordings.forget(two), true)
  assert.equal(await store.recordings.forget(two), false)
  assert.equal(await store.recordings.finish(two, STORED), false)
  assert.deepEqual(await store.recordings.open(10), [])
  assert.equal((await store.sessions.find(two))?.info.recording, null)
  assert.equal(await store.recordings.findOpen(one), null)
})

test('open recordings are told page by page, none twice', async (t) => {
  const store = await newStore(t)
  const made = await Promise.all(Array.from({ length: 7 }, () => recorded(store)))
  const seen: string[] = []
  for (let after = ''; ;) {
    const page = await store.recordings.open(3, after)
    seen.push(...page.map(({ sessionId }) => sessionId))
    if (page.length < 3) break
    after = page.at(-1)?.sessionId ?? ''
  }
  assert.deepEqual(
    seen,
    made.toSorted((a, b) => (a < b ? -1 : 1)),
  )
  const [first = ''] = seen
  const open = await store.recordings.stillOpen({ sessions: [first, 'ses_unknown'], runners: ['run_x'] })
  assert.deepEqual([...open], [first])
})
