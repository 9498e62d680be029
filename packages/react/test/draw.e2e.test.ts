import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { decodeClientMessage, decodeServerMessage } from '@cliscale/sdk/protocol'
import { FLOOD_FRAME_MS } from '../src/xterm-inside/limits.ts'
import { connected, openStage, prompted, screenText, shell, shows, STRICT_POLICY } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

test('WebGL draws where it is to be had, and the DOM takes over when the browser takes the context away', async (t) => {
  const stage = await openStage(t, { kind: 'webgl', policy: STRICT_POLICY })
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}&renderer=webgl`)
  await prompted(page)
  await page.waitForSelector('.cliscale[data-renderer="webgl"] canvas')
  await page.keyboard.type('echo drawn\n')
  await shows(page, /^drawn$/m)
  await page.evaluate(() => {
    for (const canvas of document.querySelectorAll('canvas')) {
      canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext()
    }
  })
  await page.waitForSelector('.cliscale[data-renderer="dom"]')
  await page.locator('.xterm-rows').getByText('drawn', { exact: true }).waitFor()
  await page.keyboard.type('echo again\n')
  await page.locator('.xterm-rows').getByText('again', { exact: true }).waitFor()
  const { size } = await page.evaluate(() => window.terminal)
  await page.keyboard.type('clear; stty size\n')
  await shows(page, `${size.rows} ${size.columns}`)
  assert.deepEqual(
    stage.complaints.filter((line) => !line.includes('WebGL')),
    [],
  )
})

test('WebGL that the main processor would draw is left alone unless it is asked for', async (t) => {
  const stage = await openStage(t, { kind: 'webgl' })
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  await page.keyboard.type('echo drawn\n')
  await page.locator('.xterm-rows').getByText('drawn', { exact: true }).waitFor()
  assert.equal(await page.getAttribute('.cliscale', 'data-renderer'), 'dom')
})

test('of many terminals in sight only some draw with WebGL, so that the browser drops none', async (t) => {
  const stage = await openStage(t, { kind: 'webgl', flags: ['--spare-runners=0'] })
  const count = 10
  const sessions = await Promise.all(
    Array.from({ length: count }, () => stage.cliscale.sessions.create(shell)),
  )
  const ids = sessions.map(({ id }) => id).join(',')
  const page = await stage.open(`session=${ids}&small&renderer=webgl`, {
    viewport: { width: 1200, height: 900 },
  })
  await waitFor(
    'all to be connected',
    async () => {
      const connectedOnes = await page.locator('.cliscale[data-state="connected"]').count()
      return connectedOnes === count
    },
    60_000,
  )
  const drawnBy = async (renderer: string): Promise<number> =>
    page.locator(`.cliscale[data-renderer="${renderer}"]`).count()
  await waitFor('eight leases', async () => (await drawnBy('webgl')) === 8)
  assert.equal(await drawnBy('dom'), count - 8)
})

test('a flood of output is parsed to its last byte while the page goes on answering', async (t) => {
  const stage = await openStage(t)
  const count = 2_500_000
  const program = `stty -echo; echo begin; read go; seq -w 1 ${count}; echo end; read go`
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', program] })
  const page = await stage.open('')
  const received = createHash('sha256')
  const bytes = { received: 0, parsed: 0 }
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => {
      const message = decodeServerMessage(Buffer.from(payload))
      if (message.type !== 'output') return
      received.update(message.data)
      bytes.received += message.data.length
    })
    socket.on('framesent', ({ payload }) => {
      const message = decodeClientMessage(Buffer.from(payload))
      if (message.type === 'credit') bytes.parsed = message.offset
    })
  })
  await page.goto(`${stage.front.origin}/?session=${id}`)
  await shows(page, /^begin$/m)
  const numbers = Array.from({ length: count }, (_, index) => String(index + 1).padStart(7, '0'))
  const expected = Buffer.from(`begin\r\n${numbers.join('\r\n')}\r\nend\r\n`)
  await page.evaluate(() => {
    document.querySelector('button')?.addEventListener('mousedown', (event) => event.preventDefault())
    document.querySelector('button')?.addEventListener('click', () => window.told.push('click'))
  })
  await page.keyboard.press('Enter')
  let clicks = 0
  let answeredMeanwhile = 0
  while (bytes.parsed < expected.length && answeredMeanwhile < 10) {
    await page.getByRole('button', { name: 'before' }).click()
    clicks += 1
    assert.equal(await page.evaluate(() => window.told.filter((what) => what === 'click').length), clicks)
    if (bytes.parsed > 0 && bytes.parsed < expected.length) answeredMeanwhile += 1
  }
  assert.ok(answeredMeanwhile >= 3, `${answeredMeanwhile} clicks were answered during the flood`)
  await waitFor('the last byte to be parsed', () => bytes.parsed >= expected.length, 120_000)
  assert.equal(bytes.received, expected.length)
  assert.equal(received.digest('hex'), createHash('sha256').update(expected).digest('hex'))
  const screen = (await screenText(page)).split('\n')
  assert.deepEqual(screen.slice(-500), [...numbers.slice(-499), 'end'])
  const drawn = await page.locator('.xterm-rows > div').allTextContents()
  const rows = drawn.map((row) => row.trimEnd()).filter((row) => row !== '')
  assert.deepEqual(rows, [...numbers.slice(-(rows.length - 1)), 'end'])
})

test('in a flood the rows change at most twenty times a second', async (t) => {
  const stage = await openStage(t)
  const program = 'stty -echo; echo begin; read go; seq 1 1000000; echo end; read go'
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', program] })
  const page = await stage.open(`session=${id}`)
  await shows(page, /^begin$/m)
  await page.evaluate(() => {
    const rows = document.querySelector('.xterm-rows')
    if (rows === null) throw new Error('The terminal has no rows.')
    window.told = []
    const all = { subtree: true, childList: true, characterData: true, attributes: true }
    new MutationObserver(() => void window.told.push(String(performance.now()))).observe(rows, all)
  })
  await page.keyboard.press('Enter')
  await shows(page, /^end$/m)
  const drawnAt = await page.evaluate(() => window.told.map(Number))
  const elapsedMs = (drawnAt.at(-1) ?? 0) - (drawnAt[0] ?? 0)
  // Some more, because before and after the flood every frame is drawn.
  const most = elapsedMs / FLOOD_FRAME_MS + 8
  assert.ok(drawnAt.length <= most, `${drawnAt.length} draws in ${Math.round(elapsedMs)} ms`)
})

test('rows that showed much else look like rows that are drawn for the first time', async (t) => {
  const stage = await openStage(t, { policy: STRICT_POLICY })
  const style = (codes: string, text: string): string => `\\033[${codes}m${text}\\033[0m`
  const looks = [
    style('1;31', 'bold red'),
    style('3;4', 'underlined'),
    style('4:3;58;2;1;200;3', 'curly'),
    style('38;2;255;120;40', 'orange'),
    style('48;5;22', 'on green'),
    style('7', 'inverse'),
    style('2;9', 'dim, struck'),
    style('53', 'overlined'),
    '日本 größer',
  ]
  const lines = looks.map((look, index) => `plain ${look} plain ${'x'.repeat(index * 9)}\\n`)
  const program = [
    'stty -echo; read go',
    `for n in $(seq 300); do printf "$n ${looks.toReversed().join(' ')}\\n"; done`,
    `printf '${lines.join('')}done'`,
    'read go',
  ].join('; ')
  const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', program] })
  const rowsOf = async (page: Page): Promise<string[]> =>
    page
      .locator('.xterm-rows > div')
      .evaluateAll((rows) => rows.map((row) => row.innerHTML.replaceAll(' class=""', '')))
  const page = await stage.open(`session=${id}`)
  await connected(page)
  await page.keyboard.press('Enter')
  await shows(page, /^done$/m)
  await page.locator('.xterm-rows').getByText('done', { exact: true }).waitFor()
  const reused = await rowsOf(page)
  assert.ok(reused.some((row) => row.includes('rgb(255, 120, 40)')))
  await page.reload()
  await shows(page, /^done$/m)
  await page.locator('.xterm-rows').getByText('done', { exact: true }).waitFor()
  assert.deepEqual(await rowsOf(page), reused)
  assert.deepEqual(stage.complaints, [])
})

for (const deviceScaleFactor of [1, 2]) {
  test(`an underscore is to be seen where one CSS pixel has ${deviceScaleFactor}`, async (t) => {
    const stage = await openStage(t, { policy: STRICT_POLICY })
    const program = "printf 'a_b\\n\\033[7ma_b \\033[0m\\n\\033[1ma_b\\n'; read go"
    const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', program] })
    const page = await stage.open(`session=${id}`, { deviceScaleFactor })
    await connected(page)
    await page.locator('.xterm-rows .xterm-bold').getByText('a_b', { exact: true }).waitFor()
    const screen = await page.locator('.xterm-screen').boundingBox()
    assert.ok(screen)
    const { columns, rows } = await page.evaluate(() => window.terminal.size)
    const [width, height] = [screen.width / columns, screen.height / rows]
    const cell = (column: number, row: number): Promise<Buffer> => {
      // Without the edges, which the letter beside may reach over.
      const x = screen.x + column * width + 2
      return page.screenshot({ clip: { x, y: screen.y + row * height, width: width - 4, height } })
    }
    for (const row of [0, 1, 2]) assert.notDeepEqual(await cell(1, row), await cell(3, row), `row ${row}`)
    assert.deepEqual(stage.complaints, [])
  })
}

test('inverse text has the colours of plain text exchanged, a colour of its own keeps its background', async (t) => {
  const stage = await openStage(t, { policy: STRICT_POLICY })
  const program = "printf '\\033[7minverse\\033[0m \\033[7;31mred\\033[0m plain\\n'; read go"
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', program] })
  const page = await stage.open(`session=${id}`)
  await connected(page)
  const colours = (text: string): Promise<readonly [text: string, background: string]> =>
    page
      .locator('.xterm-rows span')
      .getByText(text, { exact: true })
      .evaluate((span) => [getComputedStyle(span).color, getComputedStyle(span).backgroundColor])
  const [plain] = await colours('plain')
  const [inverse, behind] = await colours('inverse')
  assert.equal(behind, plain)
  const screen = page.locator('.xterm-scrollable-element')
  assert.equal(inverse, await screen.evaluate((element) => getComputedStyle(element).backgroundColor))
  const [red, behindRed] = await colours('red')
  assert.equal(red, inverse)
  assert.notEqual(behindRed, behind)
})

test('the scrollbar goes with output and wheel, and a key leads back to the last line', async (t) => {
  const stage = await openStage(t)
  const program = 'stty -echo; seq 1 3000; read go; seq 3001 3100; echo end; read go; echo over; read go'
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', program] })
  const page = await stage.open(`session=${id}`)
  const row = (text: string): Promise<void> =>
    page.locator('.xterm-rows').getByText(text, { exact: true }).waitFor()
  await row('3000')
  const slider = page.locator('.xterm .scrollbar.vertical .slider')
  const bottom = await slider.evaluate((element) => element.getBoundingClientRect().top)
  await page.keyboard.press('Enter')
  await row('end')
  await page.locator('.xterm-screen').hover()
  await page.mouse.wheel(0, -5_000)
  await waitFor(
    'the page to be scrolled',
    async () => (await page.locator('.xterm-rows').textContent())?.includes('end') === false,
  )
  assert.ok((await slider.evaluate((element) => element.getBoundingClientRect().top)) < bottom)
  await page.keyboard.press('Enter')
  await row('over')
  assert.equal(await slider.evaluate((element) => element.getBoundingClientRect().top), bottom)
})

test('a flood makes no new elements', async (t) => {
  const stage = await openStage(t)
  const program = 'stty -echo; for n in 1 2; do echo begin $n; read go; seq 1 300000; done; echo end; read go'
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', program] })
  const page = await stage.open(`session=${id}`)
  await shows(page, /^begin 1$/m)
  await page.keyboard.press('Enter')
  await shows(page, /^begin 2$/m)
  await page.evaluate(() => {
    window.told = []
    const create = document.createElement.bind(document)
    document.createElement = (name: string): HTMLElement => {
      if (name === 'span') window.told.push(name)
      return create(name)
    }
  })
  await page.keyboard.press('Enter')
  await shows(page, /^end$/m)
  const made = await page.evaluate(() => window.told.length)
  const { rows } = await page.evaluate(() => window.terminal.size)
  assert.ok(made <= rows, `${made} spans were made for ${rows} rows that were there`)
})

test('Ctrl-C ends a program that never stops printing', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  await page.keyboard.type('yes\n')
  await shows(page, /^y$/m)
  await page.keyboard.press('Control+C')
  await waitFor('the prompt', async () => (await screenText(page)).endsWith('$'))
  await page.keyboard.type('clear; echo still here\n')
  await shows(page, /^still here$/m)
})
