import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { waitFor } from '../support/wait-for.ts'
import { connected, openConsole } from './open-console.ts'

const mainWidth = (page: Page): Promise<number> =>
  page.locator('main').evaluate((main) => main.getBoundingClientRect().width)

test('the list becomes a rail by keyboard, the terminal takes the room, and the choice is kept', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn({ viewport: { width: 800, height: 700 } })
  assert.ok((await mainWidth(page)) >= 0.7 * 800, 'the list takes less than a third')
  const outside = await page.locator('.sidebar-foot').evaluate((foot) => {
    const { left, right } = foot.getBoundingClientRect()
    const parts = [...foot.querySelectorAll('svg, select, button')].map((part) =>
      part.getBoundingClientRect(),
    )
    return parts.filter((part) => part.width > 0 && (part.left < left + 8 || part.right > right - 8)).length
  })
  assert.equal(outside, 0, 'nothing is cut at the foot of the list')
  const screenWidth = (): Promise<number> =>
    page.locator('.xterm-screen').evaluate((screen) => screen.getBoundingClientRect().width)
  const before = await screenWidth()
  const toggle = page.getByRole('button', { name: 'Session list' })
  assert.equal(await toggle.getAttribute('aria-expanded'), 'true')
  await toggle.focus()
  await page.keyboard.press('Enter')
  assert.equal(await toggle.getAttribute('aria-expanded'), 'false')
  assert.equal(await page.locator('#session-panel').isVisible(), false)
  assert.ok((await mainWidth(page)) > 730)
  await waitFor(async () => (await screenWidth()) > before + 100, { what: 'the terminal is wider' })
  assert.equal(await toggle.evaluate((element) => element === document.activeElement), true)

  await page.reload()
  await connected(page)
  assert.equal(await toggle.getAttribute('aria-expanded'), 'false')
  for (const name of ['New session', 'Sign out']) await page.getByRole('button', { name }).waitFor()
  await page.getByRole('combobox', { name: 'Theme' }).selectOption('light')
  await page.keyboard.press('Control+Shift+F6')
  await page.keyboard.press('Control+K')
  await page.getByRole('searchbox').waitFor()
  assert.equal(await toggle.getAttribute('aria-expanded'), 'true')
})

test('on a phone the list is a drawer: it covers, keeps the focus and closes by Escape, a tap beside it, or a choice', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  const here = page.url()
  const other = await stage.cliscale.sessions.create({ command: 'sh', metadata: { name: 'other' } })
  const list = page.getByRole('dialog', { name: 'Sessions' })
  const opener = page.locator('.session-head').getByRole('button', { name: 'Session list' })
  const size = await page.locator('.xterm-screen').boundingBox()
  assert.equal(await list.isVisible(), false)
  assert.equal(await opener.getAttribute('aria-expanded'), 'false')

  await opener.tap()
  await list.waitFor()
  assert.notEqual(await page.locator('main').getAttribute('inert'), null)
  const inside = (): Promise<boolean> => list.evaluate((element) => element.contains(document.activeElement))
  assert.equal(await inside(), true)
  assert.deepEqual(await page.locator('.xterm-screen').boundingBox(), size, 'the terminal stays as it is')
  await page.keyboard.press('Escape')
  await list.waitFor({ state: 'hidden' })
  assert.equal(await opener.evaluate((element) => element === document.activeElement), true)

  await opener.tap()
  await page.touchscreen.tap(380, 500)
  await list.waitFor({ state: 'hidden' })
  await opener.tap()
  await list.locator('[aria-current]').tap()
  await list.waitFor({ state: 'hidden' })
  assert.equal(page.url(), here, 'the one that is open')
  await opener.tap()
  await list.getByRole('link', { name: /other/ }).tap()
  await list.waitFor({ state: 'hidden' })
  await page.getByRole('heading', { name: 'other' }).waitFor()
  assert.ok(page.url().endsWith(other.id))

  await opener.tap()
  const field = list.getByRole('searchbox')
  await field.fill('other')
  await page.keyboard.press('Escape')
  assert.equal(await field.inputValue(), '', 'the first one clears the search')
  assert.equal(await list.isVisible(), true)
  await page.keyboard.press('Escape')
  await list.waitFor({ state: 'hidden' })

  await opener.tap()
  await list.waitFor()
  await page.goBack()
  await waitFor(() => page.url() === here, { what: 'the way back' })
  await list.waitFor({ state: 'hidden' })
  assert.deepEqual(stage.complaints, [])
})
