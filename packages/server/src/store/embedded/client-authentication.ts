import { randomBytes } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writable } from './account.ts'
import { APPLICATION_ROLE, DATABASE, SUPERUSER } from './cluster.ts'

/** Who may connect: the application to its own database, the supervisor; all others are refused. */
const RULES = `# Written at each start.
local ${DATABASE} ${APPLICATION_ROLE} scram-sha-256
local all ${SUPERUSER} scram-sha-256
`

/**
 * Writes PostgreSQL's client authentication file (`pg_hba.conf`) and resolves to its path. It is beside the data, where
 * PostgreSQL itself cannot change it.
 * @throws {EmbeddedPostgresError} when it cannot be written
 */
export async function writeClientRules(home: string): Promise<string> {
  const path = join(home, 'postgres-hba.conf')
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  await writable(path, async () => {
    await writeFile(draft, RULES, { mode: 0o644, flag: 'wx' })
    await rename(draft, path)
  })
  return path
}
