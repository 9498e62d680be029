// Style sheets of pages that are meant for the page and hit everything: the terminal looks as on a page without them.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { BrowserKind } from './support/browser.ts'
import { openStage, shows, type Stage } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

const SGR = ['', '1', '3', '1;3', '2', '4', '4:3', '7', '9', '53', '31', '44', '38;5;208', '48;2;80;0;80']
const SHEET = [
  SGR.map((sgr) => `\\033[${sgr}mfi=>A_\\033[0m`).join(' '),
  '┌──┬──┐ ▀▄█ 漢字 日本 e\u0301 👍 größer',
  '└──┴──┘ \\033[1m┃\\033[0m 0.5 !== === www',
].join('\\n')
// Enough above for a scrollbar.
const PROGRAM = `stty -echo; seq 1 60; printf '${SHEET}\\nend: '; read go`

/** What holds the terminal is the page's business; here it holds it as on a page without rules. */
const HOLDERS = `html, body, #root, .frame, .frame > .cliscale {
    box-sizing: border-box !important; min-width: 0 !important; max-width: none !important; min-height: 0 !important;
    margin: 0 !important; padding: 0 !important; border: 0 !important; border-radius: 0 !important;
    opacity: 1 !important; transition: none !important; box-shadow: none !important; filter: none !important;
    transform: none !important; outline: 0 !important }
  #root > button { display: none !important }
  /* Round and between two pixels: the browser draws it now so, now so. */
  .cliscale-switch-track { visibility: hidden !important }`

const TEXT = `font-family: serif; font-size: 23px; font-weight: 700; font-style: italic; line-height: 3;
  letter-spacing: 3px; word-spacing: 9px; text-transform: uppercase; text-indent: 8px; text-align: right;
  text-shadow: 2px 2px red; white-space: normal; font-feature-settings: "liga" 1, "zero" 1; font-variant-ligatures: normal;
  font-stretch: condensed; color: red; font-kerning: normal; cursor: wait;
  tab-size: 1; hyphens: auto; word-break: break-all`
const BOX = `box-sizing: content-box; margin: 3px; padding: 5px; border: 2px solid lime; background: pink;
  opacity: .7; transition: all 3s; min-width: 30px; max-width: 300px; min-height: 40px; border-radius: 9px;
  box-shadow: 0 0 9px red; filter: blur(1px); transform: rotate(1deg); outline: 3px solid red; vertical-align: sub`

/** Of these the whole component takes no notice. */
const COMMON: Readonly<Record<string, string>> = {
  'all elements': `* { ${TEXT} } *, ::before, ::after { ${BOX} }`,
  'elements by name': ['div', 'span', 'p', 'button', 'textarea', 'canvas', 'svg']
    .map((name) => `${name} { ${TEXT}; ${BOX} }`)
    .join(' '),
  inherited: `html, body, #root { ${TEXT} }`,
  "resets, as Tailwind's, Bootstrap's and normalize.css": `@layer base {
      *, ::after, ::before, ::backdrop { box-sizing: border-box; margin: 0; padding: 0; border: 0 solid }
      html { line-height: 1.5; -webkit-text-size-adjust: 100%; tab-size: 4; font-family: ui-sans-serif, sans-serif }
      button, input, select, textarea { font: inherit; letter-spacing: inherit; color: inherit; border-radius: 0;
        background-color: transparent; opacity: 1 }
      img, svg, video, canvas { display: block; vertical-align: middle; max-width: 100%; height: auto }
      h1, h2 { font-size: inherit; font-weight: inherit } }
    *, ::before, ::after { box-sizing: border-box } body { margin: 0; line-height: 1.5; font-family: serif }
    button, textarea { font-family: inherit; font-size: 100%; line-height: 1.15; margin: 0 } button { text-transform: none }
    textarea { overflow: auto; resize: vertical; display: inline-block; width: 100% } pre, code { font-family: monospace }
    progress { vertical-align: baseline }`,
}

/** Of these the terminal itself takes no notice; what is drawn around it obeys. */
const STRONG: Readonly<Record<string, string>> = {
  'the elements of the app': `#root .frame .cliscale-stage *, #root .frame .cliscale-stage div span:nth-child(n) {
    ${TEXT}; ${BOX} }`,
  'states of elements': `textarea:focus, .cliscale-stage div:hover, .cliscale-stage span:nth-child(odd),
    .cliscale-stage div:not(.x):not(.y) > div { ${TEXT}; ${BOX} }`,
  'all elements, by force': `* { font-family: serif !important; text-transform: uppercase !important;
    transition: all 3s !important; word-spacing: 4px !important; }`,
}

/** Shows the terminal on the page as it is with a style sheet, and takes its picture. */
async function pictureOn(page: Page, css: string, selector: string): Promise<Buffer> {
  await page.evaluate((text) => {
    window.show(false)
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(text)
    document.adoptedStyleSheets = [sheet]
  }, `${css}\n${HOLDERS}`)
  await page.waitForSelector('.cliscale', { state: 'detached' })
  await page.evaluate(() => window.show(true))
  await shows(page, 'end:')
  const renderer = new URL(page.url()).searchParams.get('renderer')
  await page.waitForSelector(`.cliscale[data-state="connected"][data-renderer="${renderer}"]`)
  // The scrollbar goes away by itself.
  await page.waitForSelector('.xterm .scrollbar.vertical.invisible', { state: 'attached' })
  return await page.locator(selector).screenshot({ animations: 'disabled' })
}

async function openSheet(stage: Stage, query: string, touch: boolean): Promise<Page> {
  const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', PROGRAM] })
  // So narrow that the round trip is not shown, which varies.
  const viewport = { width: 500, height: 400 }
  const page = await stage.open(`session=${id}&still&hidden${query}`, {
    viewport,
    hasTouch: touch,
    isMobile: touch,
  })
  await page.waitForFunction(() => 'show' in window)
  await page.evaluate(() => {
    const meta = document.createElement('meta')
    document.head.append(Object.assign(meta, { name: 'viewport', content: 'width=device-width' }))
  })
  return page
}

interface Wanted {
  readonly page: Page
  readonly selector: string
  readonly plain: Buffer
}

async function looksEqual(name: string, css: string, { page, selector, plain }: Wanted): Promise<void> {
  let picture = await pictureOn(page, css, selector)
  await waitFor(
    'the same picture',
    async () => {
      if (picture.equals(plain)) return true
      picture = await page.locator(selector).screenshot({ animations: 'disabled' })
      return false
    },
    15_000,
  ).catch(async () => {
    const at = process.env.CLISCALE_TEST_PICTURES
    if (at !== undefined) await writeFile(`${at}/${name}.png`, picture)
    assert.fail(`It looks otherwise on a page with rules for ${name}`)
  })
}

const KINDS: readonly (readonly [BrowserKind, string, boolean])[] = [
  ['dom', '&renderer=dom', false],
  ['webgl', '&renderer=webgl', false],
  ['dom', '&renderer=dom', true],
]

for (const [kind, query, touch] of KINDS) {
  test(`on a page with rules for everything a terminal looks as without them: ${kind}${touch ? ', phone' : ''}`, async (t) => {
    const stage = await openStage(t, { kind })
    const page = await openSheet(stage, query, touch)
    for (const [selector, styles] of [
      ['.cliscale', COMMON],
      ['.cliscale-stage', STRONG],
    ] as const) {
      const plain = await pictureOn(page, '', selector)
      const at = process.env.CLISCALE_TEST_PICTURES
      if (at !== undefined) await writeFile(`${at}/plain-${kind}-${touch}.png`, plain)
      for (const [name, css] of Object.entries(styles)) {
        await t.test(name, async () => looksEqual(name, css, { page, selector, plain }))
      }
    }
  })
}
