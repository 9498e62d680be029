import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { FileSigner } from '../../src/auth/file-signer.ts'
import { KeyRing } from '../../src/auth/key-ring.ts'
import { TokenIssuer } from '../../src/auth/session-tokens.ts'
import { createLog } from '../../src/observability/log.ts'
import { openDatabase } from '../../src/store/database.ts'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import { createStore } from '../../src/store/store.ts'

/** The real database, keys and tokens of the bench: what a controller would have. */
export interface Controlplane {
  readonly connectionString: string
  readonly dataDir: string
  /** A session whose runner listens at `address`. */
  session(address: string): Promise<string>
  /** So many one-time tokens. */
  tokens(sessionId: string, count: number): Promise<string[]>
  close(): Promise<void>
}

/** Starts an embedded PostgreSQL with its everyday settings in `folder`. */
export async function startControlPlane(folder: string): Promise<Controlplane> {
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') })
  const { connectionString } = postgres
  await migrate(connectionString)
  const database = openDatabase({ connectionString })
  const store = createStore(database)
  const log = createLog({ level: 'silent' })
  const keys = new KeyRing({ store: store.signingKeys, signer: new FileSigner(join(folder, 'signing')), log })
  await keys.start()
  const issuer = new TokenIssuer({ keys, issuer: 'cliscale' })
  await store.projects.ensure('bench', 'Bench')
  return {
    connectionString,
    dataDir: join(folder, 'server'),
    session: async (address) => {
      const id = `ses_${randomBytes(17).toString('base64url')}`
      const runner = `run_${randomBytes(17).toString('base64url')}`
      await store.sessions.create({
        session: {
          id,
          project: 'bench',
          owner: 'bench',
          template: 'shell',
          command: 'sh',
          args: [],
          metadata: {},
          columns: 80,
          rows: 24,
          isolation: 'none',
          lifetimeSeconds: 86_400,
          idleTimeoutSeconds: 0,
        },
        token: {
          jti: randomBytes(16).toString('base64url'),
          role: 'driver',
          expiresAt: new Date(Date.now() + 60_000),
          accessId: null,
        },
        sealed: new Uint8Array([1]),
        claimBlank: null,
      })
      await store.runners.insert({ id: runner, driver: 'process', policy: 'test', sessionId: id })
      await store.runners.markUp(runner, { address, externalId: '1' })
      await store.runners.markAssigned(runner, id)
      return id
    },
    tokens: async (sessionId, count) => {
      const minted = []
      for (let at = 0; at < count; at += 500) {
        const request = { sessionId, subject: 'bench', role: 'driver', ttlSeconds: 600 } as const
        const some = await Promise.all(
          Array.from({ length: Math.min(500, count - at) }, () => issuer.mint(request)),
        )
        await database.query({
          text: `INSERT INTO session_tokens (jti, session_id, role, expires_at) SELECT jti, $2, 'driver', now() + interval '10 minutes' FROM unnest($1::text[]) AS jti`,
          values: [some.map(({ jti }) => jti), sessionId],
        })
        minted.push(...some.map(({ token }) => token))
      }
      return minted
    },
    close: async () => {
      await keys.close()
      await database.close()
      await postgres.stop()
    },
  }
}
