import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { connected, openConsole, openTab, screenText, shows } from './open-console.ts'

test('the list follows what others start and end, told by events and without asking again and again', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  const live = page.getByRole('region', { name: 'Live' })
  const ended = page.getByRole('region', { name: 'Ended' })

  const session = await stage.cliscale.sessions.create({
    command: 'sh',
    metadata: { name: 'from elsewhere' },
  })
  await live.getByRole('link', { name: /from elsewhere.*Running/ }).waitFor()
  await session.kill()
  await ended.getByRole('link', { name: /from elsewhere.*Ended on request/ }).waitFor()
  assert.equal(await live.getByText('from elsewhere').count(), 0)
  assert.equal(asked.includes('/v1/sessions'), false, 'the list was asked for again')
  const questions = asked.filter((path) => path === `/v1/sessions/${session.id}`)
  assert.ok(questions.length <= 8, `${questions.length} questions about one session`)
})

test('a session is made from a template, with problems shown at their fields', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.getByRole('button', { name: 'New' }).click()
  const dialog = page.getByRole('dialog', { name: 'New session' })
  await dialog.getByLabel('Name').fill('my tool')
  await dialog.getByLabel('Command').fill(`sh -c 'echo "$GREETING, $SECRET"; exec sh'`)
  await dialog.getByText('More settings').click()
  await dialog.getByLabel('Environment').fill('not a variable')
  await dialog.getByLabel('Ends after').fill('soon')
  await dialog.getByRole('button', { name: 'Start session' }).click()
  await dialog.getByText('Line 1 is not NAME=value.').waitFor()
  assert.equal(await dialog.getByLabel('Environment').getAttribute('aria-invalid'), 'true')
  await dialog.getByText('Give a number of minutes.').waitFor()

  await dialog.getByLabel('Environment').fill('GREETING=hello')
  await dialog.getByLabel('Secrets').fill('SECRET=world')
  await dialog.getByLabel('Ends after').fill('0.01')
  await dialog.getByRole('button', { name: 'Start session' }).click()
  await waitFor(async () => (await dialog.getByLabel('Ends after').getAttribute('aria-invalid')) === 'true', {
    what: 'the refusal of the server stands at its field',
  })

  await dialog.getByLabel('Ends after').fill('10')
  await dialog.getByRole('button', { name: 'Start session' }).click()
  await page.getByRole('heading', { name: 'my tool' }).waitFor()
  await connected(page)
  await shows(page, 'hello, world')
  assert.deepEqual(stage.complaints, [])
})

test('a template that opens little shows little', async (t) => {
  const file = `${await temporaryFolder(t)}/templates.json`
  const templates = [
    { name: 'tool', title: 'The tool', description: 'Does one thing.', command: 'sh', allow: ['args'] },
    { name: 'other', title: 'Another', command: 'sh', args: ['-i'], allow: [], recording: 'output' },
  ]
  await writeFile(file, JSON.stringify({ templates }))
  const stage = await openConsole(t, [`--templates=${file}`])
  const page = await stage.open(await stage.link())
  await connected(page)
  await page.getByRole('button', { name: 'New' }).click()
  const dialog = page.getByRole('dialog', { name: 'New session' })
  await dialog.getByLabel('Arguments').waitFor()
  assert.equal(await dialog.getByText('More settings').count(), 0)
  assert.equal(await dialog.getByText('recorded').count(), 0)
  await dialog.getByRole('radio', { name: /Another/ }).check()
  assert.equal(await dialog.getByLabel('Arguments').count(), 0)
  assert.equal(await dialog.getByLabel('Recording').count(), 0)
  await dialog.getByText('Sessions of this template are recorded.').waitFor()
})

test('ending asks first, keeps the last screen, and the session can be started again', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.keyboard.type('echo last words\n')
  await shows(page, 'last words')
  await page.getByRole('button', { name: 'End session' }).click()
  const dialog = page.getByRole('dialog', { name: 'End this session?' })
  await dialog.getByRole('button', { name: 'Keep it' }).click()
  assert.equal(await page.getAttribute('.cliscale', 'data-state'), 'connected')
  await page.getByRole('button', { name: 'End session' }).click()
  await dialog.getByRole('button', { name: 'End session' }).click()
  await page.getByText('Ended on request.').waitFor()
  assert.match(await screenText(page), /last words/)

  const before = page.url()
  await page.reload()
  await page.getByRole('heading', { name: 'Ended on request' }).waitFor()
  await page.getByRole('button', { name: 'Start again' }).click()
  await connected(page)
  assert.notEqual(page.url(), before)
})

test('the screen is shared: one link only watches, the other takes control', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.getByRole('button', { name: 'Share' }).click()
  const dialog = page.getByRole('dialog', { name: 'Share this screen' })
  const watchLink = await dialog.getByLabel('To watch', { exact: true }).inputValue()
  const joinLink = await dialog.getByLabel('To take part', { exact: true }).inputValue()
  await dialog.getByRole('button', { name: 'Close' }).click()

  const watcher = await openTab(page, watchLink)
  await connected(watcher)
  await watcher.getByText('Watching', { exact: true }).waitFor()
  assert.equal(await watcher.getByRole('button', { name: 'End session' }).count(), 0)
  const partner = await openTab(page, joinLink)
  await connected(partner)
  await page.bringToFront()
  await page.click('.cliscale-screen')
  await page.keyboard.type('echo for all\n')
  await shows(watcher, 'for all')
  await shows(partner, 'for all')

  await partner.getByRole('button', { name: 'Take control' }).click()
  await page.getByText('Another window types').waitFor()
  await partner.click('.cliscale-screen')
  await partner.keyboard.type('echo from the partner\n')
  await shows(page, 'from the partner')
  await shows(watcher, 'from the partner')
})

test('a browser that lets a page copy nothing is said so, and the link is there to copy by hand', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  await page.getByRole('button', { name: 'Share' }).click()
  const dialog = page.getByRole('dialog', { name: 'Share this screen' })
  const copy = dialog.getByRole('button', { name: 'Copy the link: To watch' })
  await page.evaluate(() => {
    Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })
    document.execCommand = () => false
  })
  await copy.click()
  await dialog.getByText('copy it by hand').waitFor()
  assert.match(await copy.innerText(), /^\s*Copy$/)
  await page.evaluate(() => (document.execCommand = () => true))
  await copy.click()
  await dialog.getByText('The link is copied.').waitFor()
  assert.equal(await dialog.getByText('copy it by hand').count(), 0)
})

test('whether a session is isolated is said plainly', async (t) => {
  const stage = await openConsole(t, ['--isolation=none'])
  const page = await stage.signIn()
  await page.getByText('Not isolated', { exact: true }).waitFor()
})

test('a command that fails shows its code and hint, in the list and at the terminal', async (t) => {
  const stage = await openConsole(t)
  const page = await stage.signIn()
  const { id } = await stage.cliscale.sessions.create({ command: 'no-such-command' })
  const link = page.getByRole('region', { name: 'Ended' }).getByRole('link')
  await link.filter({ hasText: 'command not found' }).click()
  await page.getByText('COMMAND_NOT_FOUND').waitFor()
  assert.ok(page.url().endsWith(id))
})
