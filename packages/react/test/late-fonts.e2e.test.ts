// Web fonts that arrive after the terminal was drawn, from a network that the tests hold up.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Page, Route } from 'playwright-core'
import { type Look, lookOf } from './support/look.ts'
import { openStage, shows, type Stage, STRICT_POLICY } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

const LOOKS = ['', '1', '3', '1;3'].map((sgr) => `\\033[${sgr}mWiW_gÅ│\\033[0m`).join(' ')
const PROGRAM = `stty -echo; printf '${LOOKS}\\n\\033[7m W_ \\033[0m\\n'; read go; stty size; read go`

/** A face of the family `Late`: the file of an installed font, so much wider that it cannot be taken for another. */
const face = (style: string, weight: string, more = ''): string =>
  `@font-face{font-family:Late;src:url(/late-${style}-${weight}.ttf);font-style:${style};font-weight:${weight};` +
  `size-adjust:150%;${more}}`
const REGULAR = face('normal', '400')
const OTHERS = [face('normal', '700'), face('italic', '400'), face('italic', '700')].join('')

async function fontFile(style: string, weight: string): Promise<Buffer> {
  const pattern = `Liberation Mono:weight=${weight === '700' ? 200 : 80}:slant=${style === 'italic' ? 100 : 0}`
  const { stdout } = await promisify(execFile)('fc-match', ['-f', '%{file}', pattern])
  assert.match(stdout, /LiberationMono/)
  return await readFile(stdout)
}

/** Holds the fonts of a page up until the test lets them through. */
class HeldFonts {
  readonly #held: Route[] = []
  #open = false

  async hold(page: Page): Promise<void> {
    await page.route('**/late-*', async (route) => {
      if (this.#open) await this.#answer(route)
      else this.#held.push(route)
    })
  }

  /** Of faces whose address has `part`. */
  async asked(part: string): Promise<void> {
    await waitFor(`a request for ${part}`, () =>
      this.#held.some((route) => route.request().url().includes(part)),
    )
  }

  /** Those whose address has `part`; without one, all that come later too. */
  async letThrough(part?: string): Promise<void> {
    this.#open = part === undefined
    const mine = this.#held.filter((route) => part === undefined || route.request().url().includes(part))
    for (const route of mine) this.#held.splice(this.#held.indexOf(route), 1)
    await Promise.all(mine.map((route) => this.#answer(route)))
  }

  async fail(): Promise<void> {
    await Promise.all(this.#held.splice(0).map((route) => route.abort()))
  }

  async #answer(route: Route): Promise<void> {
    const [, style = '', weight = ''] = /late-(\w+)-(\w+)/.exec(route.request().url()) ?? []
    await route.fulfill({ body: await fontFile(style, weight), contentType: 'font/ttf' })
  }
}

/** Gives a page faces, whose files do not come until they are let through. */
async function holdFonts(page: Page, faces: string): Promise<HeldFonts> {
  const fonts = new HeldFonts()
  await fonts.hold(page)
  await page.evaluate((css) => {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
    document.adoptedStyleSheets.push(sheet)
  }, faces)
  return fonts
}

interface Shown {
  readonly page: Page
  readonly fonts: HeldFonts
}

/** Opens a terminal of its own session in the font `Late`, whose faces are on their way. */
async function openLate(stage: Stage, faces: string, before = '', query = ''): Promise<Shown> {
  const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', PROGRAM] })
  const list = encodeURIComponent('Late, "Liberation Mono", monospace')
  const page = await stage.open(`session=${id}&hidden&still&font=${list}${query}`)
  const fonts = await holdFonts(page, faces)
  if (before !== '') {
    await fonts.letThrough()
    await page.evaluate((all) => Promise.all(all.split('|').map((one) => document.fonts.load(one))), before)
  }
  await page.waitForFunction(() => 'show' in window)
  await page.evaluate(() => window.show(true))
  await shows(page, 'WiW_g')
  return { page, fonts }
}

const ALL_FACES = ['Late', 'bold Late', 'italic Late', 'italic bold Late'].map((one) =>
  one.replace('Late', '14px Late'),
)

/** The same terminal with fonts that were there before it. */
async function lookOfEarly(stage: Stage, faces: string, query = ''): Promise<Look> {
  const { page } = await openLate(stage, faces, ALL_FACES.join('|'), query)
  return await lookOf(page)
}

async function becomes(page: Page, wanted: Look): Promise<void> {
  let last: Look | undefined
  await waitFor('the terminal to look as with the font from the start', async () => {
    last = await lookOf(page)
    return last.picture === wanted.picture
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${last?.columns}×${last?.rows}, not ${wanted.columns}×${wanted.rows}`)
  })
  assert.deepEqual(await lookOf(page), wanted)
}

test('a font that comes late is measured anew: size, cells and pictures are as if it had been there', async (t) => {
  const stage = await openStage(t, { policy: STRICT_POLICY })
  const faces = REGULAR + OTHERS
  const early = await lookOfEarly(stage, faces)
  const { page, fonts } = await openLate(stage, faces)
  await fonts.asked('late-normal-400')
  const { columns } = await page.evaluate(() => window.terminal.size)
  assert.ok(columns > early.columns * 1.3, `${columns} columns, with the font ${early.columns}`)
  await fonts.letThrough()
  await becomes(page, early)
  // The program knows.
  await page.keyboard.press('Enter')
  await shows(page, `${early.rows} ${early.columns}`)
})

test('bold and italic faces that come after the regular one are measured too, one by one', async (t) => {
  const stage = await openStage(t)
  // Of sizes of their own, so that each has a width that is not the cell's.
  const faces = REGULAR + OTHERS.replaceAll('150%', '190%')
  const early = await lookOfEarly(stage, faces)
  const { page, fonts } = await openLate(stage, faces)
  for (const part of ['normal-400', 'normal-700', 'italic-400', 'italic-700']) {
    await fonts.asked(part)
    await fonts.letThrough(part)
  }
  await becomes(page, early)
})

test('a face that a script adds, which no event tells, is measured too', async (t) => {
  const stage = await openStage(t)
  const early = await lookOfEarly(stage, REGULAR)
  const { page } = await openLate(stage, '')
  const file = (await fontFile('normal', '400')).toString('base64')
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
    const late = new FontFace('Late', bytes, { sizeAdjust: '150%' } as FontFaceDescriptors)
    document.fonts.add(await late.load())
  }, file)
  await becomes(page, early)
})

test('WebGL draws a late font of the same width with its own glyphs', async (t) => {
  const stage = await openStage(t, { kind: 'webgl' })
  // The bold file as the regular face: as wide and as high as the fallback.
  const faces = face('normal', '700').replace('font-weight:700', 'font-weight:400').replace('150%', '100%')
  const early = await lookOfEarly(stage, faces, '&renderer=webgl')
  const { page, fonts } = await openLate(stage, faces, '', '&renderer=webgl')
  await page.waitForSelector('.cliscale[data-renderer="webgl"]')
  await fonts.asked('late-normal-700')
  await fonts.letThrough()
  await becomes(page, early)
})

test('a font that fails, and one that the terminal does not name, leave it alone', async (t) => {
  const stage = await openStage(t)
  const { page, fonts } = await openLate(stage, REGULAR)
  await fonts.asked('late-normal-400')
  const { columns, rows } = await page.evaluate(() => window.terminal.size)
  const other = face('normal', '400').replace('family:Late', 'family:Other').replace('.ttf', '.ttf?other')
  await page.evaluate((css) => {
    window.told = []
    const all = { subtree: true, childList: true, characterData: true, attributes: true }
    const screen = document.querySelector('.xterm')
    if (screen === null) throw new Error('The page has no terminal.')
    new MutationObserver(() => void window.told.push('drawn')).observe(screen, all)
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
    document.adoptedStyleSheets.push(sheet)
  }, other)
  await fonts.fail()
  await page.waitForFunction(() => Array.from(document.fonts, ({ status }) => status).includes('error'))
  await fonts.letThrough()
  await page.evaluate(() => document.fonts.load('14px Other'))
  await page.evaluate(() => document.fonts.ready)
  const { told, size } = await page.evaluate(
    () =>
      new Promise<{ told: string[]; size: object }>((resolve) => {
        requestAnimationFrame(() =>
          requestAnimationFrame(() => resolve({ told: window.told, size: window.terminal.size })),
        )
      }),
  )
  assert.deepEqual({ told, size }, { told: [], size: { columns, rows } })
  // It is what the font's name had meant from the start.
  const { page: without } = await openLate(stage, '')
  assert.deepEqual(await lookOf(page), await lookOf(without))
})

test('a player whose font comes late is drawn anew with it, in the room that it has', async (t) => {
  const stage = await openStage(t)
  const cast = '{"version":2,"width":200,"height":10}\n[0.1,"o","WiW_g\\r\\n"]\n'
  const widths = (page: Page): Promise<number[]> =>
    page.evaluate(() =>
      ['.ap-term', '.cliscale-player-stage'].map(
        (part) => document.querySelector(part)?.getBoundingClientRect().width ?? 0,
      ),
    )
  const page = await stage.open('player&font=Late,monospace')
  const fonts = await holdFonts(page, REGULAR)
  await page.waitForFunction(() => 'playSource' in window)
  await page.evaluate((text) => window.playSource(text), cast)
  const fits = async (): Promise<boolean> => {
    const [term = 0, room = 0] = await widths(page)
    return term > room * 0.9 && term <= room
  }
  await waitFor('the player to fill the width', fits)
  await fonts.asked('late-normal-400')
  await fonts.letThrough()
  await page.waitForFunction(() => Array.from(document.fonts, ({ status }) => status).includes('loaded'))
  await waitFor('the player to fill the width again', fits)
})
