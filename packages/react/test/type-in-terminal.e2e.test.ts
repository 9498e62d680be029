import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  connected,
  openStage,
  pointOn,
  prompted,
  screenText,
  shell,
  shows,
  STRICT_POLICY,
} from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

test('what is typed reaches the shell and its answer the screen, under a strict content security policy', async (t) => {
  const stage = await openStage(t, { policy: STRICT_POLICY })
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  await page.keyboard.type('echo $((6 * 7)) grün 漢字\n')
  await shows(page, /^42 grün 漢字$/m)
  assert.equal(await page.getAttribute('.cliscale', 'data-renderer'), 'dom')

  await page.keyboard.type("printf '\\033[38;2;255;120;40mtrue\\033[0m\\n'\n")
  const colour = await waitFor('a 24-bit colour on the page', () =>
    page.evaluate(() => {
      const spans = document.querySelectorAll('.xterm-rows span')
      const span = Array.from(spans).find(({ textContent }) => textContent === 'true')
      return span === undefined ? '' : getComputedStyle(span).color
    }),
  )
  assert.equal(colour, 'rgb(255, 120, 40)')
  assert.deepEqual(stage.complaints, [])
})

test('the program gets the size of the container, and the new one after it changed', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`, { viewport: { width: 900, height: 600 } })
  await prompted(page)
  const size = () => page.evaluate(() => window.terminal.size)
  const before = await size()
  assert.ok(before.columns > 90 && before.columns < 112 && before.rows > 20, JSON.stringify(before))
  await page.keyboard.type('stty size\n')
  await shows(page, `${before.rows} ${before.columns}`)

  await page.setViewportSize({ width: 600, height: 400 })
  const after = await waitFor('a new size', async () => {
    const now = await size()
    return now.columns < before.columns && now.rows < before.rows ? now : undefined
  })
  await waitFor('the program to see it', async () => {
    await page.keyboard.type('clear; stty size\n')
    return (await screenText(page)).includes(`${after.rows} ${after.columns}`)
  })
  const overflow = await page.evaluate(() => {
    const screen = document.querySelector('.xterm-screen')?.getBoundingClientRect()
    const stageBox = document.querySelector('.cliscale-screen')?.getBoundingClientRect()
    return screen !== undefined && stageBox !== undefined
      ? [screen.right <= stageBox.right, screen.bottom <= stageBox.bottom]
      : []
  })
  assert.deepEqual(overflow, [true, true])
})

test('a paste is cleaned, bracketed where the program asks for it, and many lines are asked about', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  const paste = (text: string): Promise<void> =>
    page.evaluate((value) => {
      const data = new DataTransfer()
      data.setData('text/plain', value)
      const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
      document.querySelector('.xterm-helper-textarea')?.dispatchEvent(event)
    }, text)

  await page.keyboard.type(
    "stty -icanon -echo; printf '\\033[?2004h'; echo go; head -c 23 | od -c; stty sane\n",
  )
  await shows(page, /^go$/m)
  await paste('ls\u001B[201~; rm\u0007 -r x')
  await shows(page, /\$$/)
  const dump = (await screenText(page)).replaceAll(/^\d{7} */gm, '').replaceAll(/\s+/g, '')
  assert.ok(dump.includes('033[200~ls;rm-rx033[201~'), dump)

  await page.keyboard.type("printf '\\033[?2004l'; clear\n")
  await shows(page, /^\$$/)
  await paste('echo one\necho two\n')
  const question = page.getByRole('alertdialog', { name: 'Paste 2 lines?' })
  await question.waitFor()
  assert.doesNotMatch(await screenText(page), /one/)
  await question.getByRole('button', { name: 'Cancel' }).click()
  await paste('echo one\necho two\n')
  await question.getByRole('button', { name: 'Paste' }).click()
  await shows(page, /^(\$ )?two$/m)
})

test('a program may write to the clipboard after a gesture, and never reads it', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`, { permissions: ['clipboard-read', 'clipboard-write'] })
  await prompted(page)
  await page.click('.cliscale-screen')
  const clipboard = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText())
  await page.keyboard.type(`printf '\\033]52;c;${btoa('from the program')}\\a'\n`)
  await waitFor('the clipboard', async () => (await clipboard()) === 'from the program')

  await page.keyboard.type("printf '\\033]52;c;?\\a'; echo asked; head -c 4 | od -c\n")
  await shows(page, /^asked$/m)
  await page.keyboard.type('abc\n')
  await shows(page, /a +b +c +\\n/)
  assert.doesNotMatch((await screenText(page)).split('asked\n').at(-1) ?? '', /52;/)
})

test('a copy without a recent gesture waits for a click', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create({
    command: 'sh',
    args: ['-c', `read line; printf '\\033]52;c;${btoa('later')}\\a'; exec sh`],
  })
  const page = await stage.open('', { permissions: ['clipboard-read', 'clipboard-write'] })
  // To the browser every script of the test's own is a gesture, so only clicks are told to the page as one.
  await page.addInitScript(() => {
    let isActive = false
    addEventListener('pointerdown', () => (isActive = true), true)
    Object.defineProperty(navigator, 'userActivation', { get: () => ({ isActive }) })
  })
  await page.goto(`${stage.front.origin}/?session=${id}`)
  await connected(page)
  await page.evaluate(() => void window.terminal.write('\n'))
  await page.getByText('The program wants to copy this to your clipboard').waitFor()
  await page.getByRole('button', { name: 'Copy', exact: true }).click()
  await waitFor(
    'the clipboard',
    async () => (await page.evaluate(() => navigator.clipboard.readText())) === 'later',
  )
})

test('links show where they lead and open without an opener, others do not open', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  const target = `${stage.front.origin}/?linked`
  await page.keyboard.type(`clear; printf '\\033]8;;${target}\\033\\\\linked\\033]8;;\\033\\\\\\n'\n`)
  await shows(page, /^linked$/m)
  const { x, y } = await pointOn(page, 'linked')
  await page.mouse.move(x, y)
  assert.equal(await page.locator('.cliscale-link-target').textContent(), target)
  const [opened] = await Promise.all([page.context().waitForEvent('page'), page.mouse.click(x, y)])
  await opened.waitForURL(target)
  assert.equal(await opened.evaluate(() => window.opener === null && document.referrer === ''), true)
})

test('keys leave the terminal, copy the selection, and Tab goes to the program', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`, { permissions: ['clipboard-read', 'clipboard-write'] })
  await prompted(page)
  await page.keyboard.press('Tab')
  const focused = (): Promise<string> =>
    page.evaluate(() => document.activeElement?.className ?? document.activeElement?.tagName ?? '')
  assert.match(await focused(), /xterm-helper-textarea/)

  await page.keyboard.type('\u0015clear; echo selectable\n')
  await shows(page, /^selectable$/m)
  const { x, y } = await pointOn(page, 'selectable')
  await page.mouse.dblclick(x, y)
  await page.keyboard.press('Control+Shift+C')
  await waitFor(
    'the clipboard',
    async () => (await page.evaluate(() => navigator.clipboard.readText())) === 'selectable',
  )

  await page.keyboard.press('Control+Shift+F6')
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Screen reader')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'after')
})

test('the screen-reader mode mirrors the text, from the start or by its switch', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  const tree = page.locator('.xterm-accessibility-tree')
  assert.equal(await tree.count(), 0)
  const toggle = page.getByRole('switch', {
    name: 'Screen reader',
    exact: true,
    description: 'When on, screen readers can read the terminal and are told what it prints.',
  })
  const knob = () => toggle.locator('span').evaluate((track) => getComputedStyle(track, '::after').left)
  assert.equal(await toggle.getAttribute('aria-checked'), 'false')
  const off = await knob()
  await toggle.click()
  assert.equal(await toggle.getAttribute('aria-checked'), 'true')
  assert.notEqual(await knob(), off, 'to be seen too')
  await page.click('.cliscale-screen')
  await page.keyboard.type('echo for everyone\n')
  await tree.getByText('for everyone', { exact: true }).waitFor()

  const other = await stage.open(`session=${id}&reader`)
  await other.locator('.xterm-accessibility-tree').getByText('for everyone', { exact: true }).waitFor()
})
