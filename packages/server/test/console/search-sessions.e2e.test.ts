import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { waitFor } from '../support/wait-for.ts'
import { connected, openConsole, shows } from './open-console.ts'

/** Sessions that ended long ago: more than one page of the list and of the search. */
async function grow(connectionString: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    await client.query(
      `INSERT INTO cliscale.sessions (id, project_id, owner, template, state, command, metadata, columns, rows, isolation,
         lifetime_seconds, idle_timeout_seconds, created_at, expires_at, ended_at, end_reason, exit)
       SELECT 'ses_' || lpad(n::text, 22, '0'), (SELECT id FROM cliscale.projects LIMIT 1), 'ada', 'shell', 'ended', 'sh',
         jsonb_build_object('name', 'old ' || n), 80, 24, 'none', 60, 0, now() - n * interval '1 minute', now(), now(),
         'exited', '{"code":0,"signal":null,"reason":"exited"}' FROM generate_series(1, $1::int) n`,
      [count],
    )
  } finally {
    await client.end()
  }
}

test('sessions are found by words and by state, also those that the list does not reach', async (t) => {
  const stage = await openConsole(t)
  await stage.cliscale.sessions.create({ command: 'sh', metadata: { name: 'Staging deploy' } })
  const failed = await stage.cliscale.sessions.create({ command: 'no-such-command', owner: 'bob' })
  await failed.waitUntil('ended')
  await grow(stage.server.connectionString, 450)
  const page = await stage.signIn()
  const list = page.getByRole('navigation', { name: 'Sessions' })
  const field = list.getByRole('searchbox', { name: 'Search sessions' })
  const names = list.locator('.session-name')
  const found = async (text: string, count: number): Promise<void> => {
    await field.fill(text)
    await waitFor(async () => (await names.count()) === count, { what: `${text} finds ${count}` })
  }
  await found('DEPLOY staging', 1)
  await list.getByRole('link', { name: /Staging deploy/ }).waitFor()
  await found(failed.id.slice(-8), 1)
  await found('bob failed', 1)
  await found('old 449', 1)
  await list.getByRole('status').getByText('1 session found.').waitFor()
  await list.getByRole('link', { name: /old 449/ }).click()
  await page.getByRole('heading', { name: 'old 449' }).waitFor()

  await found('old 44', 14)
  await field.fill('')
  const state = list.getByRole('combobox', { name: 'State' })
  await state.selectOption('running')
  await waitFor(async () => (await names.count()) === 1, { what: 'one runs' })
  await state.selectOption('ended')
  await list.getByRole('button', { name: 'Search older sessions' }).waitFor()
  assert.equal(await list.getByRole('region', { name: 'Live' }).count(), 0)

  await found('nowhere', 0)
  await list.getByRole('status').getByText('No session matches “nowhere” and is ended.').waitFor()
  await list.getByRole('button', { name: 'Show all sessions' }).click()
  await list.getByRole('region', { name: 'Live' }).waitFor()
  assert.equal(await field.inputValue(), '')
  assert.deepEqual(stage.complaints, [])
})

test('a search follows what begins and ends meanwhile', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.getByRole('searchbox').fill('from elsewhere')
  await page.getByRole('button', { name: 'Show all sessions' }).waitFor()
  await page.getByRole('combobox', { name: 'State' }).selectOption('live')
  const session = await stage.cliscale.sessions.create({ metadata: { name: 'from elsewhere' } })
  const link = page.getByRole('link', { name: /from elsewhere/ })
  await link.waitFor()
  await session.kill()
  await link.waitFor({ state: 'detached' })
})

test('Ctrl+K leads to the search, but in the terminal it is the program’s', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.keyboard.type('echo kept cut')
  await shows(page, 'echo kept cut')
  for (let count = 0; count < 4; count += 1) await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Control+K')
  await page.keyboard.type('; echo still $((40 + 2))\n')
  await shows(page, 'still 42')
  await connected(page)
  await page.keyboard.press('Meta+K')
  const inTerminal = await page.evaluate(async () => {
    // The shortcut moves the focus before a frame that is asked for after it.
    await new Promise((resolve) => requestAnimationFrame(resolve))
    return document.activeElement?.closest('.xterm') != null
  })
  assert.equal(inTerminal, true, 'no key leads out of the terminal but the one that says so')

  await page.keyboard.press('Control+Shift+F6')
  await page.keyboard.press('Control+K')
  const field = page.getByRole('searchbox', { name: 'Search sessions' })
  await waitFor(() => field.evaluate((element) => element === document.activeElement), { what: 'the focus' })
  await page.keyboard.type('none such')
  await page.keyboard.press('Escape')
  assert.equal(await field.inputValue(), '')
})
