import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { openStage, prompted, screenText, shell, shows } from './support/stage.ts'

let runs = 0

/** Has a program print the bytes of what is pressed, until `q`. */
async function bytesOf(page: Page, press: (page: Page) => Promise<void>, setUp = ''): Promise<string> {
  await page.keyboard.type(`clear; printf '${setUp}'; stty raw -echo; printf 'go${(runs += 1)}\\r\\n'; `)
  await page.keyboard.type(
    'while c=$(dd bs=1 count=1 2>/dev/null | od -An -c | tr -d \' \\n\'); [ "$c" != q ]; do ',
  )
  await page.keyboard.type(
    'printf \'<%s>\' "$c"; done; stty sane; echo; echo over$((0 + ' + String(runs) + '))\n',
  )
  await shows(page, new RegExp(`^go${runs}$`, 'm'))
  await press(page)
  await page.keyboard.type('q')
  await shows(page, new RegExp(`^over${runs}$`, 'm'))
  return [
    ...(await screenText(page))
      .split(`go${runs}\n`)
      .at(-1)!
      .matchAll(/<([^>]*)>/g),
  ]
    .map(([, one]) => one)
    .join(' ')
}

async function open(
  t: Parameters<typeof openStage>[0],
  options: BrowserContextOptions = {},
  platform = 'Linux',
): Promise<Page> {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open('', options)
  await page.addInitScript(
    (name) => Object.defineProperty(navigator, 'platform', { get: () => name }),
    platform,
  )
  await page.goto(`${stage.front.origin}/?session=${id}`)
  await prompted(page)
  return page
}

test('Shift+Enter is a new line, as CLIs expect it, and Ctrl+C the program’s', async (t) => {
  const page = await open(t)
  const plain = await bytesOf(page, async ({ keyboard }) => {
    for (const key of ['Enter', 'Shift+Enter', 'Control+C', 'Shift+Tab']) await keyboard.press(key)
  })
  assert.equal(plain, '\\r 033 \\r 003 033 [ Z')

  const asked = await bytesOf(
    page,
    async ({ keyboard }) => {
      for (const key of ['Enter', 'Shift+Enter', 'Control+Enter', 'Shift+Tab']) await keyboard.press(key)
    },
    '\\033[>1u',
  )
  assert.equal(asked, '\\r 033 [ 1 3 ; 2 u 033 [ 1 3 ; 5 u 033 [ Z')
  const back = await bytesOf(page, ({ keyboard }) => keyboard.press('Shift+Enter'), '\\033[<u')
  assert.equal(back, '033 \\r')
})

test('an app answers for a key, or keeps it from the program', async (t) => {
  const page = await open(t)
  const bytes = await bytesOf(page, async ({ keyboard }) => {
    for (const key of ['F2', 'F3', 'x']) await keyboard.press(key)
  })
  assert.equal(bytes, 't w o x')
})

test('on a Mac, Option is Meta, but not where it makes a character of ASCII', async (t) => {
  const page = await open(t, {}, 'MacIntel')
  const bytes = await bytesOf(page, async (mac) => {
    await mac.evaluate(() => {
      const press = (key: string, code: string, keyCode: number): void => {
        const event = new KeyboardEvent('keydown', {
          key,
          code,
          keyCode,
          altKey: true,
          bubbles: true,
          cancelable: true,
        })
        document.querySelector('.xterm-helper-textarea')?.dispatchEvent(event)
      }
      press('∫', 'KeyB', 66)
      press('Dead', 'KeyN', 78)
    })
  })
  assert.equal(bytes, '033 b 033 n')
})
