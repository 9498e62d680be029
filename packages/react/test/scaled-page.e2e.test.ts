// A page that scales what holds the terminal: the cell under the pointer is meant, and as many columns fit as are shown.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openStage, shows, type Stage } from './support/stage.ts'

const LINES = [
  'abcdefghijklmnopqrstuvwxyz0123456789',
  'see https://example.com/here for more',
  '┌──┬──┐ ▀▄█ ÅÉg_ \\033[1mÅÉg_│\\033[0m \\033[7m_g│ \\033[0m',
  '└──┴──┘ ▀▄█ ÅÉg_ \\033[1mÅÉg_│\\033[0m \\033[7m_g│ \\033[0m',
]
const TEXT = `${LINES.join('\\n')}\\nend\\n`
const SHOWING = `stty -echo; printf '${TEXT}'; read go; stty size; read go`
const REPORTING = `stty raw -echo; printf '\\033[?1002h\\033[?1006h'; cat -v`

const SCALES: Readonly<Record<string, string>> = {
  'transform: scale(.8)': '#root { transform: scale(.8); transform-origin: 0 0 }',
  'zoom: 1.25': '#root { zoom: 1.25; height: 80vh }',
  'zoom of the body': 'body { zoom: .9 }',
  'scale of a part and zoom around it':
    '#root { zoom: 1.1; height: 80vh } .frame { scale: 1.2; transform-origin: 0 0; width: 70% }',
}

async function openScaled(stage: Stage, program: string, css: string): Promise<Page> {
  const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', program] })
  const page = await stage.open(`session=${id}&hidden&still`, {
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  await page.waitForFunction(() => 'show' in window)
  await page.addStyleTag({ content: css })
  await page.evaluate(() => window.show(true))
  await page.waitForSelector('.cliscale[data-state="connected"]')
  return page
}

interface Point {
  readonly x: number
  readonly y: number
}

/** The middle of a cell, counted from 1; a share of a cell further right. */
async function cellAt(page: Page, column: number, row: number, further = 0): Promise<Point> {
  return await page.evaluate(
    ([x, y]) => {
      const box = document.querySelector('.xterm-screen')?.getBoundingClientRect()
      if (box === undefined) throw new Error('There is no screen.')
      const { columns, rows } = window.terminal.size
      return { x: box.left + ((x - 0.5) * box.width) / columns, y: box.top + ((y - 0.5) * box.height) / rows }
    },
    [column + further, row] as const,
  )
}

for (const [name, css] of Object.entries(SCALES)) {
  test(`below ${name} selection and links mean the cell under the pointer, and the columns fit`, async (t) => {
    const stage = await openStage(t)
    const page = await openScaled(stage, SHOWING, css)
    await shows(page, /^end$/m)
    const [from, to] = [await cellAt(page, 11, 1, -0.2), await cellAt(page, 30, 1, 0.2)]
    await page.mouse.move(from.x, from.y)
    await page.mouse.down()
    await page.mouse.move(to.x, to.y, { steps: 4 })
    await page.mouse.up()
    await page.keyboard.press('Control+Shift+C')
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'klmnopqrstuvwxyz0123')

    const link = await cellAt(page, 28, 2)
    await page.mouse.move(link.x, link.y, { steps: 3 })
    await page.locator('.cliscale-link-target').getByText('https://example.com/here').waitFor()
    const beyond = await cellAt(page, 29, 2)
    await page.mouse.move(beyond.x, beyond.y, { steps: 3 })
    await page.locator('.cliscale-link-target').waitFor({ state: 'detached' })

    const room = await page.evaluate(() => {
      const [screen, held] = ['.xterm-screen', '.cliscale-screen'].map((part) =>
        document.querySelector(part)?.getBoundingClientRect(),
      )
      if (screen === undefined || held === undefined) throw new Error('There is no screen.')
      const { columns, rows } = window.terminal.size
      const [width, height] = [screen.width / columns, screen.height / rows]
      const scrollbar =
        (14 * held.width) / (document.querySelector<HTMLElement>('.cliscale-screen')?.offsetWidth ?? 0)
      return {
        columns: (held.width - scrollbar - screen.width) / width,
        rows: (held.height - screen.height) / height,
      }
    })
    assert.ok(room.columns >= 0 && room.columns < 1.2, `room for ${room.columns} columns is left`)
    assert.ok(room.rows >= 0 && room.rows < 1.2, `room for ${room.rows} rows is left`)
  })

  test(`below ${name} programs are told the cell under the pointer`, async (t) => {
    const stage = await openStage(t)
    const page = await openScaled(stage, REPORTING, css)
    for (const [column, row] of [
      [1, 1],
      [40, 9],
      [77, 20],
    ] as const) {
      const { x, y } = await cellAt(page, column, row)
      await page.mouse.click(x, y)
      await shows(page, `^[[<0;${column};${row}M`)
    }
  })
}
