import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Session } from '@cliscale/sdk'
import type { Locator, Page } from 'playwright-core'
import { waitFor } from '../support/wait-for.ts'
import { type ConsoleStage, openConsole } from './open-console.ts'

interface Aimed {
  readonly stage: ConsoleStage
  readonly page: Page
  /** Newest first in the list: above the one that is aimed at. */
  readonly above: Session
  readonly aim: Session
  readonly row: Locator
}

async function listWithAim(t: TestContext): Promise<Aimed> {
  const stage = await openConsole(t, ['--max-sessions=10'])
  const page = await stage.signIn()
  const create = async (name: string): Promise<Session> => {
    const session = await stage.cliscale.sessions.create({ command: 'sh', metadata: { name } })
    await session.waitUntil('running')
    return session
  }
  await create('below')
  const aim = await create('aim')
  const above = await create('above')
  const row = page.locator(`[data-session="${aim.id}"][data-state="running"]`)
  await row.waitFor()
  await page.locator(`[data-session="${above.id}"][data-state="running"]`).waitFor()
  return { stage, page, above, aim, row }
}

/** What moves rows: two come, and the one above goes. Resolves when the page knows of all of it. */
async function stir({ stage, page, above }: Aimed): Promise<void> {
  for (const name of ['new', 'newer']) {
    await stage.cliscale.sessions.create({ command: 'sh', metadata: { name } })
  }
  await above.kill()
  await page.locator(`[data-session="${above.id}"][data-state="ended"]`).waitFor()
  await page.getByText('2 new', { exact: true }).waitFor()
}

async function boxOf(row: Locator): Promise<unknown> {
  return await row.evaluate((element) => element.getBoundingClientRect().toJSON() as unknown)
}

const orderOf = (page: Page): Promise<string[]> => page.locator('.session-row .session-name').allInnerTexts()

test('a click opens the session that the pointer is on, whatever comes and goes meanwhile', async (t) => {
  const aimed = await listWithAim(t)
  const { page, aim, row } = aimed
  await row.hover()
  const before = await boxOf(row)
  await stir(aimed)
  assert.deepEqual(await boxOf(row), before)
  await page.mouse.down()
  await page.mouse.up()
  await waitFor(() => page.url().endsWith(aim.id), { what: 'the aimed session is open' })
  assert.equal(await page.getByText('2 new', { exact: true }).isVisible(), true, 'the pointer is still there')

  await page.locator('main h1').hover()
  await waitFor(async () => (await orderOf(page))[0] === 'newer', { what: 'the new ones are shown' })
  assert.deepEqual((await orderOf(page)).slice(0, 4), ['newer', 'new', 'aim', 'below'])
  await page.getByRole('region', { name: 'Ended' }).getByText('above').waitFor()
})

test('a session that ends below the pointer is still the one that a click opens', async (t) => {
  const { page, aim, row } = await listWithAim(t)
  await row.hover()
  const before = await boxOf(row)
  await aim.kill()
  const ended = page.locator(`[data-session="${aim.id}"][data-state="ended"]`)
  await ended.waitFor()
  assert.deepEqual(await boxOf(ended), before)
  await page.mouse.down()
  await page.mouse.up()
  await page.getByRole('heading', { name: 'Ended on request' }).waitFor()
  assert.ok(page.url().endsWith(aim.id))
})

test('what no longer matches a search stays below the pointer, and is gone when the pointer is', async (t) => {
  const { page, aim } = await listWithAim(t)
  await page.getByRole('combobox', { name: 'State' }).selectOption('running')
  const row = page.locator(`[data-session="${aim.id}"]`)
  await row.hover()
  const before = await boxOf(row)
  await aim.kill()
  await page.locator(`[data-gone] [data-session="${aim.id}"][data-state="ended"]`).waitFor()
  assert.match(await row.innerText(), /Ended on request/, 'it is told as it is')
  assert.deepEqual(await boxOf(row), before)
  await page.locator('main h1').hover()
  await row.waitFor({ state: 'detached' })
})

test('Enter opens the session that has the focus, and the focus stays with it', async (t) => {
  const aimed = await listWithAim(t)
  const { page, aim, row } = aimed
  await page.keyboard.press('Control+Shift+F6')
  await page.getByRole('combobox', { name: 'State' }).focus()
  const focused = (): Promise<boolean> => row.evaluate((element) => element === document.activeElement)
  await waitFor(
    async () => {
      await page.keyboard.press('Tab')
      return await focused()
    },
    { what: 'Tab comes to the row' },
  )
  const before = await boxOf(row)
  await stir(aimed)
  assert.deepEqual(await boxOf(row), before)
  assert.equal(await focused(), true)
  await page.keyboard.press('Enter')
  await waitFor(() => page.url().endsWith(aim.id), { what: 'the session that had the focus is open' })
})

test('a lost network moves no row', async (t) => {
  const { page, row } = await listWithAim(t)
  const before = await boxOf(row)
  await page.context().setOffline(true)
  await page.getByText('You are offline. Your sessions go on').waitFor()
  assert.deepEqual(await boxOf(row), before)
})
