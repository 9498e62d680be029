import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { pause } from '../gateway/measure.ts'
import type { BenchServer } from '../sessions/server.ts'
import { type MemorySample, PageMemory } from './memory.ts'
import type { PageServer } from './page-server.ts'
import type { PageWatch } from './page.tsx'

/** How often somebody clicks, and types, while the output comes. */
const INPUT_EVERY_MS = 150
/** How long the file may take: so much, and so much for each of its bytes. */
const FLOOD_MS = 60_000
const FLOOD_MS_PER_BYTE = 500 / 1_000_000

/** What is flooded. */
export interface FloodOptions {
  readonly server: BenchServer
  readonly pages: PageServer
  readonly renderer: 'dom' | 'webgl'
  readonly file: string
  /** The file's last line. */
  readonly last: string
  /** Folder for a CPU profile of the page. */
  readonly profile?: string
}

/** A page's memory by its kinds, in bytes. */
export type PageParts = Pick<MemorySample, 'heap' | 'dom' | 'buffers'>

/** What was seen; `…GrownBytes` are the most above the rest before. */
export interface FloodFigures extends Omit<PageWatch, 'promptMs'> {
  readonly renderer: 'dom' | 'webgl'
  readonly drewWith: string
  readonly seconds: number
  /** Processor time of the page's main thread. */
  readonly threadSeconds: number
  readonly pageRestBytes: number
  /** Of what the page consisted when it was largest. */
  readonly pagePeak: PageParts
  readonly pageGrownBytes: number
  readonly processRestBytes: number
  readonly processGrownBytes: number
  /** Above the rest when it is over and garbage is collected. */
  readonly processLeftBytes: number
  readonly promptMs: number
}

/** Shows the file in a browser of its own, then interrupts `yes`. */
export async function flood(options: FloodOptions): Promise<FloodFigures> {
  const { server, pages, renderer, file, last } = options
  const session = await server.cliscale.sessions.create({ command: 'sh', env: { PS1: '$ ', ENV: '' } })
  pages.show(session)
  const browser = await launch(renderer)
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(`${pages.origin}/?renderer=${renderer}`)
    await shows(page, '$')
    await settle(page)
    const cdp = await page.context().newCDPSession(page)
    const memory = await PageMemory.of(browser, cdp)
    const rest = await memory.atRest()
    const drewWith = (await page.getAttribute('.cliscale', 'data-renderer')) ?? 'nothing'
    // Typed before anything counts: so many keys without a pause wait for each other.
    await page.keyboard.type(`cat ${file}`)
    await shows(page, file)
    await restart(page)
    await startProfile(cdp, options)
    const threadBefore = await threadSeconds(cdp)
    const startedAt = performance.now()
    await page.keyboard.press('Enter')
    const peak = await actWhile(
      page,
      memory,
      shows(page, last, FLOOD_MS + statSync(file).size * FLOOD_MS_PER_BYTE),
    )
    const seconds = (performance.now() - startedAt) / 1_000
    const threadAfter = await threadSeconds(cdp)
    await writeProfile(cdp, options)
    const watch = await page.evaluate(() => window.watch)
    const left = await memory.atRest()
    return {
      ...watch,
      renderer,
      drewWith,
      seconds,
      threadSeconds: threadAfter - threadBefore,
      pageRestBytes: rest.page,
      pageGrownBytes: peak.largest.page - rest.page,
      pagePeak: { heap: peak.largest.heap, dom: peak.largest.dom, buffers: peak.largest.buffers },
      processRestBytes: rest.process,
      processGrownBytes: peak.processBytes - rest.process,
      processLeftBytes: left.process - rest.process,
      promptMs: await interruptYes(page),
    }
  } finally {
    await browser.close()
    await session.kill()
  }
}

async function launch(renderer: 'dom' | 'webgl'): Promise<Browser> {
  const drawing =
    renderer === 'dom'
      ? ['--disable-gpu', '--disable-3d-apis']
      : ['--enable-unsafe-swiftshader', '--use-angle=swiftshader']
  return await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', ...drawing],
  })
}

interface Peak {
  /** The moment at which the page was largest. */
  largest: MemorySample
  processBytes: number
}

/** Clicks, types and looks at the memory until `end` settles. */
async function actWhile(page: Page, memory: PageMemory, end: Promise<void>): Promise<Peak> {
  const first = await memory.sample()
  const peak: Peak = { largest: first, processBytes: first.process }
  const state = { over: false }
  const watched = end.finally(() => {
    state.over = true
  })
  while (!state.over) {
    const next = pause(INPUT_EVERY_MS)
    await page.mouse.click(20, 10)
    await page.keyboard.press('x')
    const sample = await memory.sample()
    if (sample.page > peak.largest.page) peak.largest = sample
    peak.processBytes = Math.max(peak.processBytes, sample.process)
    await next
  }
  await watched
  return peak
}

async function interruptYes(page: Page): Promise<number> {
  await page.keyboard.press('Control+U')
  await page.keyboard.type('clear\n')
  await page.waitForFunction(() => window.terminal.text() === '$')
  await page.keyboard.type('yes\n')
  await shows(page, 'y\ny\ny')
  await pause(1_000)
  await page.evaluate(() => (window.watch.promptMs = undefined))
  await page.keyboard.press('Control+C')
  const found = await page.waitForFunction(() => window.watch.promptMs)
  return (await found.jsonValue()) ?? Number.NaN
}

async function shows(page: Page, text: string, timeout = 30_000): Promise<void> {
  const end = (wanted: string): boolean => window.terminal.text().slice(-4_000).includes(wanted)
  try {
    await page.waitForFunction(end, text, { timeout, polling: 500 })
  } catch (error) {
    const shown = await page.evaluate(() => window.terminal.text().slice(-1_000))
    throw new Error(`The terminal does not show ${JSON.stringify(text)} but: ${shown}`, { cause: error })
  }
}

/** The first second of a page is its own. */
async function settle(page: Page): Promise<void> {
  await page.waitForFunction(() => window.terminal.driver)
  await pause(1_500)
}

async function threadSeconds(cdp: CDPSession): Promise<number> {
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  const { metrics } = await cdp.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'ThreadTime')?.value ?? Number.NaN
}

async function restart(page: Page): Promise<void> {
  await page.evaluate(() => {
    Object.assign(window.watch, { clickMs: [], keyMs: [], frameGapMs: [], longTaskMs: [] })
  })
}

async function startProfile(cdp: CDPSession, { profile }: FloodOptions): Promise<void> {
  if (profile === undefined) return
  await cdp.send('Profiler.enable')
  await cdp.send('Profiler.start')
}

async function writeProfile(cdp: CDPSession, { profile, renderer }: FloodOptions): Promise<void> {
  if (profile === undefined) return
  const { profile: recorded } = await cdp.send('Profiler.stop')
  writeFileSync(join(profile, `page-${renderer}.cpuprofile`), JSON.stringify(recorded))
}
