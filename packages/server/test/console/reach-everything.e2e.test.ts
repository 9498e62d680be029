import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connected, openConsole, openTab, shows } from './open-console.ts'

test('everything has a name, and the dialogs are opened, used and left by the keyboard alone', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  const nameless = await page.evaluate(() =>
    Array.from(document.querySelectorAll('button, a, input, textarea'))
      .filter((element) => {
        const label = element.getAttribute('aria-label') ?? element.textContent
        return label.trim() === '' && element.closest('.xterm') === null
      })
      .map((element) => element.outerHTML),
  )
  assert.deepEqual(nameless, [])

  await page.keyboard.press('Control+Shift+F6')
  const button = page.getByRole('button', { name: 'New' })
  await button.focus()
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'New session' })
  await dialog.getByLabel('Command').focus()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.equal(await button.evaluate((element) => element === document.activeElement), true)

  await page.keyboard.press('Enter')
  await dialog.getByLabel('Name').focus()
  await page.keyboard.type('typed')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'typed', exact: true }).waitFor()
  await connected(page)
})

test('on a phone list and terminal take turns, and keys that phones lack are there', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  assert.equal(await page.getByRole('dialog', { name: 'Sessions' }).isVisible(), false)
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
  )
  assert.equal(wide, false)
  await page.keyboard.type('cat\n')
  await shows(page, 'cat')
  await page.getByRole('button', { name: 'Ctrl C' }).tap()
  await shows(page, '^C')
  await page.getByRole('button', { name: 'Session list' }).tap()
  await page.getByRole('dialog', { name: 'Sessions' }).waitFor()
  await page.getByRole('link', { name: 'Cliscale' }).tap()
  await page.getByRole('main', { name: 'Sessions' }).waitFor()
  await page.getByRole('link', { name: /Running/ }).tap()
  await connected(page)
})

test('a lost network is told, and gone again with it', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.context().setOffline(true)
  const bar = page.getByText('You are offline. Your sessions go on')
  await bar.waitFor()
  await page.context().setOffline(false)
  await bar.waitFor({ state: 'detached' })
  await connected(page)
  await page.keyboard.type('echo back\n')
  await shows(page, 'back')
})

test('a session that is not there is told, with a way back', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  const tab = await openTab(page, `${stage.server.baseUrl}/#/sessions/ses_0000000000000000000000`)
  await tab.getByRole('heading', { name: 'There is no such session' }).waitFor()
  await tab.getByRole('link', { name: 'Back to the sessions' }).click()
  await tab.getByRole('heading', { name: 'No session is open' }).waitFor()
})

test('the theme follows the system until one is chosen, and the choice is kept', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn({ colorScheme: 'light' })
  const drawn = (theme: string): Promise<unknown> =>
    page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, theme)
  await drawn('light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await drawn('dark')
  const theme = page.getByRole('combobox', { name: 'Theme' })
  assert.equal(await theme.inputValue(), 'system')
  await theme.selectOption('dark')
  await page.emulateMedia({ colorScheme: 'light' })
  await page.reload()
  await theme.waitFor()
  assert.equal(await theme.inputValue(), 'dark')
  await drawn('dark')
})
