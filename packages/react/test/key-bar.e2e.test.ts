import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { barKeyText, withCtrl } from '../src/core/bar-keys.ts'
import { connected, openStage, shows, STRICT_POLICY } from './support/stage.ts'

const PHONE = { viewport: { width: 390, height: 760 }, hasTouch: true, isMobile: true } as const

const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('group', { name: 'Keys' }).getByRole('button', { name, exact: true }).tap()

/** Prints the bytes that it gets, `count` of them at a time. */
const program = (count: number, before = ''): string =>
  `stty raw -echo; printf '${before}ready'; while true; do dd bs=1 count=${count} 2>/dev/null | od -An -tx1; done`

test('on a phone the bar has the keys that the keyboard lacks, and the keyboard stays open', async (t) => {
  const stage = await openStage(t, { policy: STRICT_POLICY })
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', program(1)] })
  const page = await stage.open(`session=${id}`, PHONE)
  await connected(page)
  await shows(page, 'ready')
  const presses = [
    ['Esc', '1b'],
    ['Tab', '09'],
    ['Ctrl C', '03'],
  ] as const
  let seen = 'ready'
  for (const [name, byte] of presses) {
    await press(page, name)
    seen += `[^]*${byte}`
    await shows(page, new RegExp(seen))
  }
  await press(page, 'Ctrl')
  await page.getByRole('button', { name: 'Ctrl', exact: true, pressed: true }).waitFor()
  await page.keyboard.type('d')
  await shows(page, new RegExp(`${seen}[^]*04`))
  await page.getByRole('button', { name: 'Ctrl', exact: true, pressed: false }).waitFor()
  await page.keyboard.type('d')
  await shows(page, new RegExp(`${seen}[^]*04[^]*64`))
  assert.equal(await page.evaluate(() => document.activeElement?.className), 'xterm-helper-textarea')
  assert.deepEqual(stage.complaints, [])
})

test('arrow keys follow the mode that the program asked for', async (t) => {
  const stage = await openStage(t)
  const args = ['-c', program(3, String.raw`\033[?1h`)]
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args })
  const page = await stage.open(`session=${id}`, PHONE)
  await connected(page)
  await shows(page, 'ready')
  await press(page, 'Up')
  await shows(page, /1b 4f 41/)
})

test('with a mouse there is no bar, nor for those who only watch, nor when it is turned off', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', 'read go'] })
  const bar = (page: Page): Promise<boolean> => page.locator('.cliscale-keys').isVisible()
  const desk = await stage.open(`session=${id}`)
  await connected(desk)
  assert.equal(await bar(desk), false)
  const watching = await stage.open(`session=${id}&role=observer`, PHONE)
  await connected(watching)
  assert.equal(await bar(watching), false)
  await desk.close()
  const without = await stage.open(`session=${id}&no-keys`, PHONE)
  await connected(without)
  assert.equal(await bar(without), false)
})

test('Ctrl changes letters and the signs beside them, and nothing else', () => {
  assert.deepEqual(['a', 'Z', '[', ' ', '?', '1', 'é'].map(withCtrl), [
    '\u0001',
    '\u001A',
    '\u001B',
    '\0',
    '\u007F',
    '1',
    'é',
  ])
  assert.equal(barKeyText('left', true, true), '\u001B[1;5D')
  assert.equal(barKeyText('left', false, false), '\u001B[D')
})
