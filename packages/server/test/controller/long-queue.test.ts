import { test } from 'node:test'
import { runSql } from '../support/run-sql.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

/** More than any page that the controller reads at once. */
const MANY = 1_234

async function figure({ internalUrl }: TestServer, name: string): Promise<number> {
  const text = await (await fetch(`${internalUrl}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

test('the queue is counted whole, and downwards when it gets shorter', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0', '--max-sessions=1'] })
  const body = { command: 'sleep', args: ['1000'] }
  await server.call('POST', '/v1/sessions', body)
  const wait = async (): Promise<void> => void (await server.call('POST', '/v1/sessions', body))
  await wait()
  const copies = `INSERT INTO cliscale.sessions (id, project_id, owner, template, state, phase, command, columns, rows, isolation,
      lifetime_seconds, idle_timeout_seconds, expires_at, sealed)
    SELECT 'ses_' || lpad(n::text, 22, '0'), 'default', 'o' || n % 7, 'shell', 'queued', '{"phase":"queued"}', 'sleep', 80, 24,
      'none', 3600, 0, now() + interval '1 hour', '\\x00' FROM generate_series(1, ${MANY}) n`
  await runSql(server.connectionString, copies)
  await wait()
  const name = 'cliscale_controller_queued_sessions'
  await waitFor(async () => (await figure(server, name)) === MANY + 2, {
    what: 'the whole queue',
    withinMs: 30_000,
  })
  await runSql(
    server.connectionString,
    `DELETE FROM cliscale.sessions WHERE id LIKE 'ses_00%' AND id > 'ses_${'0'.repeat(21)}5'`,
  )
  await wait()
  await waitFor(async () => (await figure(server, name)) === 5 + 3, {
    what: 'the rest of it',
    withinMs: 30_000,
  })
})
