import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { connected, openStage, STRICT_POLICY } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

/** All that the player needs beyond the strictest policy. */
const POLICY = STRICT_POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")

const event = (time: number, code: string, data: string): string => `${JSON.stringify([time, code, data])}\n`
const CAST =
  '{"version":3,"term":{"cols":60,"rows":10},"title":"A demo"}\n' +
  event(0.5, 'o', 'first\r\n') +
  event(1, 'o', '\u001B[31msecond\u001B[0m grün 漢字\r\n') +
  event(600, 'o', 'third\r\n') +
  event(0.1, 'x', '0')

async function play(page: Page, src: string): Promise<void> {
  await page.waitForFunction(() => typeof window.playSource === 'function')
  await page.evaluate((text) => window.playSource(text), src)
}

async function screen(page: Page): Promise<string> {
  return (await page.locator('.ap-term-text').textContent()) ?? ''
}

async function shows(page: Page, what: string, matches: (text: string) => boolean): Promise<void> {
  await waitFor(`the player to show ${what}`, async () => matches(await screen(page)))
}

async function state(page: Page, wanted: string): Promise<void> {
  await page.waitForSelector(`.cliscale-player[data-state="${wanted}"]`)
}

test('a recording shows its last screen, plays, pauses and is sought, with a strict content security policy', async (t) => {
  const stage = await openStage(t, { policy: POLICY })
  const page = await stage.open('player')
  await page.getByRole('status').getByText('Waiting for a recording').waitFor()
  await play(page, CAST)
  await state(page, 'ready')
  await shows(page, 'the last screen', (text) => text.includes('third'))
  assert.match(await screen(page), /second grün 漢字/)
  assert.equal(await page.locator('.ap-wrapper').count(), 1, 'one player, though the page is mounted twice')

  await page.locator('.ap-overlay-start').click()
  await waitFor('the player to play', () => page.evaluate(() => window.told.includes('play')))
  await shows(page, 'only the beginning', (text) => text.includes('first') && !text.includes('third'))
  await page.getByRole('button', { name: 'Pause' }).click()
  await waitFor('the player to pause', () => page.evaluate(() => window.told.includes('pause')))

  await page.evaluate(() => window.player?.seek(0.7))
  await shows(page, 'the first line alone', (text) => text.includes('first') && !text.includes('second'))
  assert.ok(Math.abs((await page.evaluate(() => window.player?.currentTime() ?? 0)) - 0.7) < 0.1)
  const duration = await page.evaluate(() => window.player?.duration() ?? 0)
  assert.ok(duration > 3 && duration < 4, `ten minutes of pause are cut to two seconds: ${duration}`)

  await page.keyboard.press('9')
  await shows(page, 'the second line too', (text) => text.includes('second') && !text.includes('third'))
  await page.keyboard.press('Space')
  await waitFor('the end', () => page.evaluate(() => window.told.includes('ended')))
  await shows(page, 'the last screen', (text) => text.includes('third'))
  assert.deepEqual(stage.complaints, [])
})

test('its colours are those of the theme, and another theme keeps the place', async (t) => {
  const stage = await openStage(t, { policy: POLICY })
  const page = await stage.open('player')
  await play(page, CAST)
  await state(page, 'ready')
  await page.evaluate(() => window.player?.seek(1.6))
  const red = (): Promise<string> =>
    page.evaluate(() => {
      const spans = Array.from(document.querySelectorAll('.ap-term-text .ap-line span'))
      const span = spans.find(({ textContent }) => textContent.startsWith('second'))
      return span === undefined ? '' : getComputedStyle(span).color
    })
  await waitFor('dark red', async () => (await red()) === 'rgb(255, 122, 133)')
  await page.evaluate(() => window.playerTheme('light'))
  await waitFor('light red', async () => (await red()) === 'rgb(179, 32, 46)')
  assert.doesNotMatch(await screen(page), /third/)
  assert.ok(Math.abs((await page.evaluate(() => window.player?.currentTime() ?? 0)) - 1.6) < 0.1)
  assert.equal(await page.locator('.ap-wrapper').count(), 1)
})

test('a file and an address are played as well, and a new source takes the place of the old one', async (t) => {
  const stage = await openStage(t)
  const page = await stage.open('player&auto')
  await page.route('**/demo.cast', (route) => route.fulfill({ body: CAST.replace('first', 'by address') }))
  await play(page, '/demo.cast')
  await shows(page, 'the recording of the address', (text) => text.includes('by address'))
  await page.evaluate((text) => window.playSource(new Blob([text])), CAST.replace('first', 'of a file'))
  await shows(page, 'the recording of the file', (text) => text.includes('of a file'))
  assert.equal(await page.locator('.ap-wrapper').count(), 1)
})

test('what cannot be played says why, and what is away for now can be tried again', async (t) => {
  const stage = await openStage(t, { policy: POLICY })
  const page = await stage.open('player')
  const alert = page.getByRole('alert')
  await play(page, '{"version":7}\n')
  await alert.getByText('RECORDING_UNREADABLE').waitFor()
  await play(page, '/missing.cast')
  await alert.getByText('RECORDING_NOT_FOUND').waitFor()
  assert.equal(await alert.getByRole('button').count(), 0)
  await play(page, '{"version":3,"term":{"cols":60,"rows":10}}\n[1,"i","typed"]\n')
  await state(page, 'empty')
  await page.getByText('Nothing was printed while this was recorded.').waitFor()

  let answers = 0
  await page.route('**/late.cast', (route) => {
    answers += 1
    return answers === 1 ? route.fulfill({ status: 503 }) : route.fulfill({ body: CAST })
  })
  await play(page, '/late.cast')
  await alert.getByText('CONNECTION_FAILED').waitFor()
  await alert.getByRole('button', { name: 'Try again' }).click()
  await state(page, 'ready')
  assert.deepEqual(await page.evaluate(() => window.told), [
    'error RECORDING_UNREADABLE',
    'error RECORDING_NOT_FOUND',
    'error CONNECTION_FAILED',
  ])
})

test('a policy without WebAssembly is named, with what it lacks', async (t) => {
  const stage = await openStage(t, { policy: STRICT_POLICY })
  const page = await stage.open('player')
  await play(page, CAST)
  const alert = page.getByRole('alert')
  await alert.getByText('PLAYER_BLOCKED').waitFor()
  await alert.getByText("'wasm-unsafe-eval'").waitFor()
})

test('the recording of a real session is played from its server', async (t) => {
  const stage = await openStage(t)
  const session = await stage.cliscale.sessions.create({
    command: 'sh',
    args: ['-c', 'echo recorded here; sleep 0.3; echo "and the end"'],
    recording: 'output',
  })
  await session.waitUntil('ended')
  await waitFor('the recording to be stored', async () => {
    await session.refresh()
    return session.info.recording?.state === 'stored'
  })
  const page = await stage.open(`recording=${session.id}`)
  await state(page, 'ready')
  await shows(
    page,
    'the last screen',
    (text) => text.includes('recorded here') && text.includes('and the end'),
  )
  await stage.cliscale.sessions.deleteRecording(session.id)
  const after = await stage.open(`recording=${session.id}`)
  await after.getByRole('alert').getByText('RECORDING_NOT_FOUND').waitFor()
})

test('a terminal of a recorded session says so until the session ends', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create({
    command: 'sh',
    args: ['-c', 'read go'],
    recording: 'output',
  })
  const page = await stage.open(`session=${id}&recorded`)
  await connected(page)
  const mark = page.locator('.cliscale-status [data-field="recording"]')
  await mark.getByText('this session is recorded').waitFor()
  await page.keyboard.press('Enter')
  await page.waitForSelector('.cliscale[data-state="exited"]')
  assert.equal(await mark.count(), 0)
  const other = await stage.open(`session=${(await stage.cliscale.sessions.create({ command: 'sh' })).id}`)
  await connected(other)
  assert.equal(await other.locator('.cliscale-status [data-field="recording"]').count(), 0)
})
