import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { waitFor } from '../support/wait-for.ts'
import { connected, type ConsoleStage, openConsole } from './open-console.ts'

/** What has the focus: its name or text, and whether that is to be seen. */
interface Focused {
  readonly what: string
  readonly seen: boolean
}

async function focused(page: Page): Promise<Focused> {
  return await page.evaluate(() => {
    const element = document.activeElement ?? document.body
    if (element === document.body) return { what: 'nothing', seen: false }
    // A field that is drawn by what is around it shows its focus there.
    const ring = element.closest('.theme, .template') ?? element
    const { outlineStyle, outlineWidth } = getComputedStyle(ring)
    const box = ring.getBoundingClientRect()
    const on = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)
    return {
      what:
        element.getAttribute('aria-label') ??
        element.getAttribute('name') ??
        (element.textContent || element.tagName).replaceAll(/\s+/g, ' ').trim(),
      seen:
        outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1 && (on === ring || ring.contains(on)),
    }
  })
}

const has = (page: Page, selector: string): Promise<void> =>
  waitFor(() => page.evaluate((at) => document.activeElement?.matches(at) === true, selector), {
    what: `${selector} has the focus`,
  }).then(() => undefined)

/** Presses Tab until the focus is outside of the page's parts again, and tells all that had it. */
async function tabThrough(page: Page): Promise<Focused[]> {
  const all: Focused[] = []
  for (let count = 0; count < 60; count += 1) {
    await page.keyboard.press('Tab')
    // In the terminal, Tab is the program's.
    if (await page.evaluate(() => document.activeElement?.matches('.xterm *') === true))
      await page.keyboard.press('Control+Shift+F6')
    const here = await focused(page)
    if (all.some(({ what }) => what === here.what)) return all
    else all.push(here)
  }
  return all
}

const SIZES = {
  '1440 px': { viewport: { width: 1440, height: 900 } },
  '800 px': { viewport: { width: 800, height: 700 } },
  'a phone': { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
} as const

async function stageWithTape(stage: ConsoleStage): Promise<string> {
  const tape = await stage.cliscale.sessions.create({
    command: 'true',
    recording: 'output',
    metadata: { name: 'tape' },
  })
  await tape.waitUntil('ended')
  return tape.id
}

for (const [size, options] of Object.entries(SIZES)) {
  test(`Tab comes to every control, and each shows that it has the focus: ${size}`, async (t) => {
    const stage = await openConsole(t)
    await stageWithTape(stage)
    const page = await stage.signIn(options)
    if (size === 'a phone') {
      await page.locator('.list-button').focus()
      await page.keyboard.press('Enter')
    } else await page.keyboard.press('Control+Shift+F6')
    const controls = await page
      .locator('button:visible, a[href]:visible, input:visible, select:visible, summary:visible')
      .evaluateAll((all) =>
        all
          .filter((one) => one.closest('[inert]') === null)
          .map((one) => (one.getAttribute('aria-label') ?? one.textContent).replaceAll(/\s+/g, ' ').trim()),
      )
    const reached = await tabThrough(page)
    const names = reached.map(({ what }) => what)
    assert.deepEqual(
      controls.filter((name) => !names.some((what) => what.startsWith(name) || name.startsWith(what))),
      [],
      names.join('\n'),
    )
    assert.deepEqual(
      reached.filter(({ seen, what }) => !seen && what !== 'nothing'),
      [],
    )
  })
}

test('a session that is ended by keyboard leaves the focus with what can be done with it', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.keyboard.press('Control+Shift+F6')
  await page.getByRole('button', { name: 'End session' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByRole('button', { name: 'End session' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('Ended on request.').waitFor()
  await has(page, 'main')
})

test('a recording that is deleted by keyboard leaves the focus with its session', async (t) => {
  const stage = await openConsole(t)
  const id = await stageWithTape(stage)
  const page = await stage.signIn()
  await page.evaluate((to) => void (location.hash = to), `#/sessions/${id}`)
  await page.getByRole('button', { name: 'Delete recording' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete recording' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Exit code 0' }).waitFor()
  await has(page, 'main')
  await page.keyboard.press('Tab')
  assert.equal((await focused(page)).what, 'Start again')
})

test('what a button of the list brings takes its focus when the button goes', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.getByRole('searchbox').fill('nothing like it')
  await page.getByRole('button', { name: 'Show all sessions' }).focus()
  await page.keyboard.press('Enter')
  await page.locator('.session-row').waitFor()
  await has(page, '#session-panel')
  await page.keyboard.press('Tab')
  assert.equal((await focused(page)).what, 'Search sessions')
})

test('what is wrong in the form of a new session gets the focus', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.getByRole('button', { name: 'New session' }).click()
  await page.getByText('More settings').click()
  await page.getByLabel('Environment').fill('not a variable')
  await page.getByRole('button', { name: 'Start session' }).focus()
  await page.keyboard.press('Enter')
  await has(page, 'textarea[aria-invalid="true"]')
  await page.getByLabel('Environment').fill('')
  await page.getByLabel('Ends after').fill('0.01')
  await page.getByRole('button', { name: 'Start session' }).focus()
  await page.keyboard.press('Enter')
  await has(page, 'input[aria-invalid="true"]')
})

test('who signs out has the focus in the page that is left', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await connected(page)
  await page.getByRole('button', { name: 'Sign out' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Sign in to the console' }).waitFor()
  await has(page, 'main')
})
