import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { waitFor } from '../support/wait-for.ts'
import { connected, openConsole, shows } from './open-console.ts'

const mark = '.session-head [data-field="recording"]'

async function playerShows(page: Page, text: string): Promise<void> {
  await page.waitForSelector('.cliscale-player[data-state="ready"]')
  await waitFor(async () => (await page.locator('.ap-term-text').textContent())?.includes(text) === true, {
    what: `the player shows ${text}`,
  })
}

test('a session is recorded by choice, says so to all who watch, and is played, downloaded and deleted afterwards', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  assert.equal(await page.locator(mark).count(), 0, 'nothing is recorded unless it is asked for')
  await page.getByRole('button', { name: 'New' }).click()
  const dialog = page.getByRole('dialog', { name: 'New session' })
  const choice = dialog.getByLabel('Recording')
  assert.equal(await choice.inputValue(), 'off')
  await choice.selectOption('output-and-input')
  await dialog.getByText('also passwords that are not shown').waitFor()
  await choice.selectOption('output')
  await dialog.getByText('Keeps what the session prints').waitFor()
  await dialog.getByLabel('Name').fill('on tape')
  await dialog.getByRole('button', { name: 'Start session' }).click()
  await page.getByRole('heading', { name: 'on tape' }).waitFor()
  await connected(page)
  await page.locator(mark).getByText('REC', { exact: true }).waitFor()
  const id = page.url().split('/').at(-1) ?? ''
  const partner = await stage.open(await stage.link())
  await partner.goto(`${stage.server.baseUrl}/#/sessions/${id}/watch`)
  await partner.locator(mark).getByText('REC', { exact: true }).waitFor()

  await page.locator('.xterm-helper-textarea').focus()
  await page.keyboard.type('echo kept $((40 + 2)); exit\n')
  await page.getByRole('button', { name: 'Play recording' }).click()
  await playerShows(page, 'kept 42')
  await page.locator(mark).getByText('Recorded', { exact: true }).waitFor()

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download' }).click(),
  ])
  assert.equal(download.suggestedFilename(), `${id}.cast`)
  const [header, ...events] = (await readFile(await download.path(), 'utf8')).trim().split('\n')
  assert.equal((JSON.parse(header ?? '') as { version: number }).version, 3)
  assert.ok(events.some((line) => line.includes('kept 42')))

  await page.getByRole('button', { name: 'Delete recording' }).click()
  const question = page.getByRole('dialog', { name: 'Delete this recording?' })
  await question.getByRole('button', { name: 'Delete recording' }).click()
  await page.getByRole('heading', { name: 'Exit code 0' }).waitFor()
  assert.equal(await page.locator(mark).count(), 0)
  await assert.rejects(stage.cliscale.sessions.recording(id), { code: 'RECORDING_NOT_FOUND' })
  assert.deepEqual(stage.complaints, [])
})

test('a recorded session that ended before is opened with its recording, and starts again recorded', async (t) => {
  const stage = await openConsole(t)
  const session = await stage.cliscale.sessions.create({
    command: 'sh',
    args: ['-c', 'echo from before'],
    recording: 'output',
  })
  await session.waitUntil('ended')
  const page = await stage.signIn()
  await page.goto(`${stage.server.baseUrl}/#/sessions/${session.id}`)
  await playerShows(page, 'from before')
  await page.getByRole('button', { name: 'Start again' }).click()
  await shows(page, 'from before')
  const again = await stage.cliscale.sessions.get(page.url().split('/').at(-1) ?? '')
  assert.notEqual(again.id, session.id)
  assert.equal(again.info.recording?.mode, 'output')
})

test('a recording that is gone or cannot be reached is told about, and nothing is offered that does not work', async (t) => {
  const stage = await openConsole(t)
  const session = await stage.cliscale.sessions.create({
    command: 'sh',
    args: ['-c', 'echo still here'],
    recording: 'output-and-input',
    metadata: { name: 'on tape' },
  })
  await session.waitUntil('ended')
  const page = await stage.signIn()
  await page.route('**/recording', (route) => route.abort())
  await page.getByRole('link', { name: /on tape.*Recorded/ }).click()
  await page.getByText('CONNECTION_FAILED').waitFor()
  assert.equal(await page.getByText('The server is away').count(), 0, 'the rest of the page is connected')
  await page.unroute('**/recording')
  await page.getByRole('button', { name: 'Try again' }).click()
  await playerShows(page, 'still here')

  await page.getByRole('link', { name: 'Cliscale' }).click()
  await stage.cliscale.sessions.deleteRecording(session.id)
  await page.getByRole('link', { name: /on tape/ }).click()
  await page.getByRole('heading', { name: 'Exit code 0' }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Delete recording' }).count(), 0)
  assert.equal(await page.getByRole('link', { name: 'Download' }).count(), 0)
})

test('who may type is told when typing is recorded, and the keys go when the session has ended', async (t) => {
  const stage = await openConsole(t)
  const session = await stage.cliscale.sessions.create({ command: 'sh', recording: 'output-and-input' })
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
  const page = await stage.signIn(phone)
  await page.goto(`${stage.server.baseUrl}/#/sessions/${session.id}`)
  await connected(page)
  await page.locator(mark).getByText('REC + input', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Esc' }).waitFor()
  await session.kill()
  await page.getByRole('button', { name: 'Start again' }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Esc' }).count(), 0)
})
