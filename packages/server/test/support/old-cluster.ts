import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { nobody } from '../../src/store/embedded/account.ts'
import { findBinaries } from '../../src/store/embedded/binaries.ts'
import { startPostmaster } from '../../src/store/embedded/postmaster.ts'
import { migrationsFolder } from '../../src/store/migration-files.ts'
import { runSql } from './run-sql.ts'
import { waitFor } from './wait-for.ts'

/** Migrations of release 0.1.0. */
const MIGRATIONS = ['0001_sessions', '0002_recordings']

/** What {@link makeOldCluster} can do otherwise. */
export interface OldClusterOptions {
  /** Leaves PostgreSQL running, as a killed server does. */
  readonly running?: boolean
}

/**
 * Makes a data folder as release 0.1.0 does: `nobody` has PostgreSQL's files if this is root, the application is the
 * superuser, and its tables, one session among them, are in the schema `public`. Resolves to PostgreSQL's pid.
 */
export async function makeOldCluster(dataDir: string, options: OldClusterOptions = {}): Promise<number> {
  const account = process.getuid?.() === 0 ? await nobody() : null
  const [keys, folder, socketFolder] = ['keys', 'postgres', 'pg'].map((name) => join(dataDir, name))
  if (!keys || !folder || !socketFolder) throw new Error('Three names make three paths.')
  await mkdir(keys, { recursive: true, mode: 0o700 })
  if (account) await chmod(dataDir, 0o701)
  await writeFile(join(keys, 'postgres.password'), 'old-secret', { mode: 0o600 })
  const passwordFile = join(dataDir, 'password')
  await writeFile(passwordFile, 'old-secret', { mode: 0o600 })
  for (const path of [folder, socketFolder]) await mkdir(path, { mode: 0o700 })
  if (account) {
    for (const path of [folder, socketFolder, passwordFile]) await chown(path, account.uid, account.gid)
  }
  const { initdb, postgres } = await findBinaries(dataDir, account)
  const identity = account ? { uid: account.uid, gid: account.gid } : {}
  const args = [
    `--pgdata=${folder}`,
    '--username=cliscale',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
  ]
  const more = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  await promisify(execFile)(initdb, [...args, ...more], { cwd: '/', env: { LC_ALL: 'C' }, ...identity })
  await rm(passwordFile)
  const settings = {}
  const postmaster = startPostmaster({
    program: postgres,
    folder,
    socketFolder,
    account,
    log: undefined,
    settings,
  })
  const address = (database: string): string =>
    `postgresql://cliscale:old-secret@/${database}?host=${encodeURIComponent(socketFolder)}`
  await waitFor(() => answers(address('postgres')), { what: 'the old PostgreSQL is up' })
  await runSql(address('postgres'), 'CREATE DATABASE cliscale')
  await runSql(address('cliscale'), ...(await oldSchema()), SESSION)
  if (!options.running) {
    postmaster.kill('SIGINT')
    await postmaster.exited
  }
  return postmaster.pid
}

const SESSION = `
INSERT INTO projects (id, name) VALUES ('p1', 'One');
INSERT INTO sessions (id, project_id, owner, template, state, command, columns, rows, isolation, lifetime_seconds,
  idle_timeout_seconds, expires_at)
VALUES ('ses_old', 'p1', 'ada', 'shell', 'queued', 'sh', 80, 24, 'none', 60, 0, now() + interval '1 day');
INSERT INTO session_events (session_id, project_id, type, state, body) VALUES ('ses_old', 'p1', 'created', 'queued', '{}')`

/** Statements that make the schema of release 0.1.0 in the schema that the connection is in. */
export async function oldSchema(): Promise<readonly string[]> {
  const texts = MIGRATIONS.map((name) => readFile(join(migrationsFolder(), `${name}.sql`), 'utf8'))
  const table =
    'CREATE TABLE schema_migrations (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)'
  const rows = MIGRATIONS.map((name) => `('${name}', now())`)
  return [
    table,
    ...(await Promise.all(texts)),
    `INSERT INTO schema_migrations (name, run_on) VALUES ${rows.join(', ')}`,
  ]
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString })
  try {
    await client.connect()
    await client.query('SELECT 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}
