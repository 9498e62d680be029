import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SUPERUSER } from '../../src/store/embedded/cluster.ts'

/** What is needed to address an embedded PostgreSQL. */
export interface Reachable {
  readonly dataDir: string
  /** Names its socket. */
  readonly connectionString: string
}

/** Address of a database of an embedded PostgreSQL, as its superuser. */
export async function superuserAddress(
  { dataDir, connectionString }: Reachable,
  database: string,
): Promise<string> {
  const password = await readFile(join(dataDir, 'keys', 'postgres.password'), 'utf8')
  const { search } = new URL(connectionString.replace('@/', '@x/'))
  return `postgresql://${SUPERUSER}:${encodeURIComponent(password)}@/${database}${search}`
}
