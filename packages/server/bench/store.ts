// npm run bench -- store [--json]: statements per second on the embedded PostgreSQL with its real settings.
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { CreateSession } from '../src/store/create-session.ts'
import { openDatabase } from '../src/store/database.ts'
import { startEmbeddedPostgres } from '../src/store/embedded/embedded-postgres.ts'
import { migrate } from '../src/store/migrate.ts'
import { createStore, type Store } from '../src/store/store.ts'

/** How long each figure is measured. */
const SECONDS = 3

interface Figure {
  readonly name: string
  readonly callers: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
}

const id = (prefix: string): string => `${prefix}_${randomBytes(17).toString('base64url')}`

function newSession(): CreateSession {
  return {
    session: {
      id: id('ses'),
      project: 'bench',
      owner: 'bench',
      template: 'shell',
      command: 'sh',
      args: [],
      metadata: {},
      columns: 80,
      rows: 24,
      isolation: 'none',
      lifetimeSeconds: 3_600,
      idleTimeoutSeconds: 0,
    },
    token: { jti: id('jti'), role: 'driver', expiresAt: new Date(Date.now() + 600_000), accessId: null },
    sealed: randomBytes(512),
    claimBlank: { driver: 'process', policy: 'test' },
  }
}

/** Runs `work` with so many callers for a while, or until it has nothing left to do (null). */
async function measure(name: string, callers: number, work: () => Promise<unknown> | null): Promise<Figure> {
  const times: number[] = []
  const start = performance.now()
  const until = start + SECONDS * 1_000
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < until) {
        const before = performance.now()
        const done = work()
        if (done === null) return
        await done
        times.push(performance.now() - before)
      }
    }),
  )
  const seconds = (performance.now() - start) / 1_000
  times.sort((a, b) => a - b)
  const quantile = (q: number): number => times[Math.floor(times.length * q)] ?? 0
  return { name, callers, perSecond: times.length / seconds, p50Ms: quantile(0.5), p95Ms: quantile(0.95) }
}

/** Ids to use up, made beforehand so that only their use is measured. */
async function tokensFor(store: Store, sessionId: string, count: number): Promise<string[]> {
  const jtis = Array.from({ length: count }, () => id('jti'))
  const expiresAt = new Date(Date.now() + 600_000)
  for (let at = 0; at < jtis.length; at += 500) {
    const part = jtis.slice(at, at + 500)
    await Promise.all(
      part.map((jti) => store.tokens.mint(sessionId, { jti, role: 'driver', expiresAt, accessId: null })),
    )
  }
  return jtis
}

async function figures(store: Store): Promise<Figure[]> {
  await store.projects.ensure('bench', 'Bench')
  const { info } = await store.sessions.create(newSession())
  const results: Figure[] = []
  for (const callers of [1, 8]) {
    results.push(await measure('create', callers, () => store.sessions.create(newSession())))
    results.push(
      await measure('recordPhase, one session', callers, () =>
        store.sessions.recordPhase(info.id, { phase: 'queued', queuePosition: 1 }),
      ),
    )
    const sessions = await Promise.all(Array.from({ length: 64 }, () => store.sessions.create(newSession())))
    let next = 0
    const transition = async (): Promise<void> => {
      const session = sessions[(next += 1) % sessions.length]
      const { id: sessionId } = session?.info ?? info
      const move = { to: 'queued', phase: { phase: 'queued' } } as const
      await store.sessions.transition({ id: sessionId, from: ['queued'], move })
    }
    results.push(await measure('transition, 64 sessions', callers, transition))
    results.push(await measure('target', callers, () => store.sessions.target(info.id)))
  }
  for (const callers of [1, 8, 64]) {
    const jtis = await tokensFor(store, info.id, 60_000)
    const redeem = (): Promise<unknown> | null => {
      const jti = jtis.pop()
      return jti === undefined ? null : store.tokens.redeem(jti)
    }
    results.push(await measure('redeem', callers, redeem))
  }
  return results
}

const dataDir = await mkdtemp(join(tmpdir(), 'cliscale-bench-'))
const postgres = await startEmbeddedPostgres({ dataDir })
await migrate(postgres.connectionString)
const database = openDatabase({ connectionString: postgres.connectionString, maxConnections: 10 })
try {
  const results = await figures(createStore(database))
  if (process.argv.includes('--json')) console.log(JSON.stringify({ cpus: cpus().length, figures: results }))
  else {
    for (const { name, callers, perSecond, p50Ms, p95Ms } of results) {
      const rate = perSecond.toFixed(0).padStart(7)
      const times = `p50 ${p50Ms.toFixed(2)} ms  p95 ${p95Ms.toFixed(2)} ms`
      console.log(`${name.padEnd(26)} ${String(callers).padStart(3)} callers ${rate}/s  ${times}`)
    }
  }
} finally {
  await database.close()
  await postgres.stop()
  await rm(dataDir, { recursive: true })
}
