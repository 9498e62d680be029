// A host moves what holds the terminal: within its page, into a shadow root and out of it, and into other documents.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Frame, Locator, Page } from 'playwright-core'
import { openStage, shows, type Stage } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'
import { inFull } from './support/in-full.ts'

const TEXT =
  'abcdefghijklmnopqrstuvwxyz0123456789\\n\\033[31mred\\033[0m \\033[1;38;2;255;120;40mbold\\033[0m ┌─┐ _g\\n'
/** Draws it all anew for each line that is typed, and the line. */
const PROGRAM = `stty -echo; draw() { printf '\\033[H\\033[2J\\033[3J${TEXT}'; stty size; echo "$1"; echo end; }; draw; while read line; do draw "$line"; done`

declare global {
  interface Window {
    /** Moves what holds the terminal into a place, which is made when it is first asked for. */
    moveInto: (place: string) => void
  }
}

/** The places: `home`, `box`, `shadow`, `iframe`, `popup`, and `bare`, which lacks the style sheet; each is 520 × 300 pixels, but for its home. */
async function makePlaces(page: Page): Promise<void> {
  await page.evaluate(() => {
    const root = document.querySelector('#root') as HTMLElement
    const places = new Map<string, Node>([['home', root.parentNode as Node]])
    const box = (page: Document, into: Node): HTMLElement => {
      const made = page.createElement('div')
      made.style.cssText = 'width:520px;height:300px'
      into.appendChild(made)
      return made
    }
    const styleLike = (into: Node, page: Document): Promise<unknown> =>
      Promise.all(
        Array.from(document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]'), ({ href }) => {
          const copy = page.createElement('link')
          Object.assign(copy, { rel: 'stylesheet', href })
          into.appendChild(copy)
          return new Promise((resolve) => copy.addEventListener('load', resolve))
        }),
      )
    const makers: Record<string, () => Node> = {
      box: () => box(document, document.body),
      bare: () => box(document, box(document, document.body).attachShadow({ mode: 'open' })),
      shadow: () => {
        const shadow = box(document, document.body).attachShadow({ mode: 'open' })
        void styleLike(shadow, document)
        return box(document, shadow)
      },
      iframe: () => {
        const frame = document.createElement('iframe')
        frame.style.cssText = 'width:600px;height:400px'
        document.body.append(frame)
        const inner = frame.contentDocument as Document
        void styleLike(inner.head, inner)
        return box(inner, inner.body)
      },
      popup: () => {
        const other = window.open('', 'other', 'width=700,height=500')?.document as Document
        void styleLike(other.head, other)
        return box(other, other.body)
      },
    }
    window.moveInto = (name) => {
      const place = places.get(name) ?? makers[name]?.()
      if (place === undefined) throw new Error(`There is no ${name}.`)
      places.set(name, place)
      // In sight, which the end of a long page is not.
      place.insertBefore(root, place.firstChild)
    }
  })
}

async function openMovable(stage: Stage, kind: string): Promise<Page> {
  const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', PROGRAM] })
  const page = await stage.open(`session=${id}&still&renderer=${kind}`, {
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  await shows(page, /^end$/m)
  await page.waitForSelector(`.cliscale[data-renderer="${kind}"]`)
  await makePlaces(page)
  return page
}

/** Waits until the terminal fits what holds it, and draws. */
async function fits(where: Page | Frame, kind: string): Promise<void> {
  await waitFor('a terminal that fits', async () => {
    const [screen, held] = [where.locator('.xterm-screen'), where.locator('.cliscale-screen')]
    const [inner, outer] = [await screen.boundingBox(), await held.boundingBox()]
    if (inner === null || outer === null) return false
    const columns = (outer.width - 14 - inner.width) / 8.5
    const rows = (outer.height - inner.height) / 17
    return columns >= 0 && columns < 1.2 && rows >= 0 && rows < 1.2
  })
  await where.waitForSelector(`.cliscale[data-renderer="${kind}"]`)
}

async function drag(page: Page, screen: Locator, columns: number): Promise<void> {
  const box = await screen.boundingBox()
  if (box === null) throw new Error('There is no screen.')
  const at = (column: number): readonly [number, number] => [
    box.x + (column * box.width) / columns,
    box.y + 8,
  ]
  await page.mouse.move(...at(10.2))
  await page.mouse.down()
  await page.mouse.move(...at(29.8), { steps: 4 })
  await page.mouse.up()
}

/** Types, and sees it drawn; selects, and copies. */
async function works(page: Page, { where, top }: Place, kind: string, word: string): Promise<void> {
  await fits(where, kind)
  await top.keyboard.type(`${word}\n`)
  const { columns, rows } = await page.evaluate(() => window.terminal.size)
  await shows(page, new RegExp(`^${rows} ${columns}\\n${word}\\nend$`, 'm'))
  if (kind === 'dom') {
    await where.locator('.xterm-rows').getByText(word, { exact: true }).waitFor()
    const red = where.locator('.xterm-rows span').getByText('red', { exact: true })
    assert.equal(await red.evaluate((span) => getComputedStyle(span).color), 'rgb(255, 122, 133)')
  }
  await drag(top, where.locator('.xterm-screen'), columns)
  await top.keyboard.press('Control+Shift+C')
  assert.equal(await where.evaluate(() => navigator.clipboard.readText()), 'klmnopqrstuvwxyz0123')
}

async function picture(where: Page | Frame): Promise<string> {
  const png = await where.locator('.cliscale-screen').screenshot({ animations: 'disabled' })
  return png.toString('base64')
}

interface Place {
  readonly where: Page | Frame
  /** The page whose keyboard and mouse it is. */
  readonly top: Page
}

async function moveInto(page: Page, place: string): Promise<Place> {
  await page.evaluate((name) => window.moveInto(name), place)
  const { frames, popups } = { frames: page.frames(), popups: page.context().pages() }
  if (place === 'popup') {
    const popup = popups.find((one) => one !== page) ?? (await page.waitForEvent('popup'))
    return { top: popup, where: popup }
  }
  const frame = place === 'iframe' ? frames.find((one) => one !== page.mainFrame()) : undefined
  return { top: page, where: frame ?? page }
}

const WAYS = {
  'within its document': ['box', 'shadow', 'box', 'home', 'shadow', 'home'],
  'into other documents and back': ['iframe', 'popup', 'iframe', 'home', 'popup', 'shadow', 'home'],
}

for (const kind of (['webgl', 'dom'] as const).slice(0, inFull(2, 1))) {
  for (const [way, places] of Object.entries(WAYS)) {
    test(`a terminal drawn with ${kind} goes on where it is moved ${way}`, async (t) => {
      const stage = await openStage(t, { kind })
      const page = await openMovable(stage, kind)
      const home: Place = { where: page, top: page }
      await works(page, home, kind, 'home')
      const before = await picture(page)
      for (const place of places) {
        const there = await moveInto(page, place)
        await works(page, there, kind, place)
      }
      await waitFor('the picture of before', async () => (await picture(page)) === before)
      assert.deepEqual(await page.evaluate(() => window.told.filter((one) => one.startsWith('error'))), [])
      assert.deepEqual(stage.complaints, [])
    })
  }

  test(`a terminal drawn with ${kind} comes home from a window that never draws again`, async (t) => {
    const stage = await openStage(t, { kind })
    const page = await openMovable(stage, kind)
    const { where, top } = await moveInto(page, 'iframe')
    await works(page, { where, top }, kind, 'away')
    await page.evaluate(() => {
      // So that it waits for a frame of that window.
      window.terminal.clear()
      window.moveInto('home')
      document.querySelector('iframe')?.remove()
    })
    await works(page, { where: page, top: page }, kind, 'home')
  })

  test(`a terminal drawn with ${kind} that was hidden shows what came meanwhile, and fits`, async (t) => {
    const stage = await openStage(t, { kind })
    const page = await openMovable(stage, kind)
    const home: Place = { where: page, top: page }
    await works(page, home, kind, 'seen')
    const frame = page.locator('#root')
    await frame.evaluate((root) => (root.style.display = 'none'))
    await page.waitForSelector('.cliscale[data-renderer="dom"]', { state: 'attached' })
    await page.evaluate(() => window.terminal.write('hidden\n'))
    await shows(page, /^hidden$/m)
    await frame.evaluate((root) => (root.style.cssText = 'width:520px;height:300px'))
    await page.locator('.xterm-helper-textarea').focus()
    await works(page, home, kind, 'shown')
    assert.deepEqual(stage.complaints, [])
  })
}

test('a terminal that is moved to where its style sheet is missing says so', async (t) => {
  const stage = await openStage(t)
  const page = await openMovable(stage, 'dom')
  const [warning] = await Promise.all([
    page.waitForEvent('console', (message) => message.type() === 'warning'),
    page.evaluate(() => window.moveInto('bare')),
  ])
  assert.match(warning.text(), /^Cliscale: The style sheet .* shadow roots, iframes and other windows\.$/)
  assert.ok((await page.evaluate(() => window.told)).includes('error STYLES_MISSING'))
})
