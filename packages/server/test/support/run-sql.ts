import { Client } from 'pg'

/** Runs statements one after another on a connection of their own and resolves with the rows of the last. */
export async function runSql(connectionString: string, ...texts: readonly string[]): Promise<object[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    let rows: object[] = []
    for (const text of texts) rows = (await client.query<object>(text)).rows
    return rows
  } finally {
    await client.end()
  }
}
