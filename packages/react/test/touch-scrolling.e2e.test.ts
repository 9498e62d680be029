import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CDPSession, Page } from 'playwright-core'
import { connected, openStage, shows, STRICT_POLICY } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

const PHONE = { viewport: { width: 390, height: 760 }, hasTouch: true } as const

/** Events from one end of its way to the other. */
const MOVES = 12

/** A finger on the middle of the screen. It has a time of its own: ten milliseconds from one event to the next. */
class Finger {
  readonly #devtools: CDPSession
  #nowMs = Date.now()

  private constructor(devtools: CDPSession) {
    this.#devtools = devtools
  }

  static async on(page: Page): Promise<Finger> {
    return new Finger(await page.context().newCDPSession(page))
  }

  /** `hold`: rests before it is lifted, so that nothing is thrown. */
  async drag(from: number, to: number, hold: boolean): Promise<void> {
    await this.#send('touchStart', from)
    for (let move = 1; move <= MOVES; move += 1) {
      await this.#send('touchMove', from + ((to - from) * move) / MOVES)
    }
    if (hold) this.#nowMs += 500
    await this.#send('touchEnd')
  }

  async #send(type: 'touchStart' | 'touchMove' | 'touchEnd', y?: number): Promise<void> {
    this.#nowMs += 10
    const touchPoints = y === undefined ? [] : [{ x: 150, y }]
    await this.#devtools.send('Input.dispatchTouchEvent', {
      type,
      touchPoints,
      timestamp: this.#nowMs / 1_000,
    })
  }
}

/** The first number that is to be seen. */
async function firstLine(page: Page): Promise<number> {
  return Number(await page.locator('.xterm-rows > div').first().textContent())
}

test('a finger scrolls the lines above, as far as it goes, and a throw goes on', async (t) => {
  const stage = await openStage(t, { policy: STRICT_POLICY })
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', 'seq 1000; read go'] })
  const page = await stage.open(`session=${id}`, PHONE)
  await connected(page)
  await shows(page, /^1000$/m)
  const { rows } = await page.evaluate(() => window.terminal.size)
  // The cursor is in the line below the last number.
  const bottom = 1_000 - rows + 2
  await waitFor('the last numbers', async () => (await firstLine(page)) === bottom)
  const finger = await Finger.on(page)
  await finger.drag(200, 500, true)
  const height = await page.locator('.xterm-screen').evaluate((screen) => screen.clientHeight)
  const expected = 300 / (height / rows)
  await waitFor('the page to follow', async () => Math.abs(bottom - (await firstLine(page)) - expected) <= 2)
  const held = await firstLine(page)
  await finger.drag(200, 500, false)
  await waitFor('the page to go on by itself', async () => held - (await firstLine(page)) > expected + 5)
  await finger.drag(500, 200, false)
  await finger.drag(600, 100, false)
  await finger.drag(600, 100, false)
  await waitFor('the end', async () => (await firstLine(page)) === bottom)
  assert.equal(await page.evaluate(() => scrollY), 0)
  assert.deepEqual(stage.complaints, [])
})

test('in the alternate screen a finger is the arrow keys, in programs that follow the mouse its wheel', async (t) => {
  const stage = await openStage(t)
  const program = [
    'stty raw -echo; printf "\\033[?1049hready"; dd bs=3 count=1 2>/dev/null | od -An -c',
    'printf "\\033[?1000h\\033[?1006hmouse"; dd bs=5 count=1 2>/dev/null | od -An -c; read go',
  ].join('; ')
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', program] })
  const page = await stage.open(`session=${id}`, PHONE)
  await connected(page)
  await shows(page, 'ready')
  const finger = await Finger.on(page)
  // A line is 16 pixels high.
  await finger.drag(300, 330, true)
  await shows(page, /033\s+\[\s+A/)
  await shows(page, 'mouse')
  await finger.drag(400, 300, true)
  await shows(page, /033\s+\[\s+<\s+6\s+5/)
})

test('a tap focuses, and a finger that scrolls does not click', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args: ['-c', 'seq 300; read go'] })
  const page = await stage.open(`session=${id}`, PHONE)
  await connected(page)
  await shows(page, /^300$/m)
  await page.evaluate(() => {
    ;(document.activeElement as HTMLElement | null)?.blur()
    document.querySelector('.xterm')?.addEventListener('click', () => window.told.push('click'))
  })
  const finger = await Finger.on(page)
  await finger.drag(200, 400, true)
  assert.ok(!(await page.evaluate(() => window.told.includes('click'))))
  await page.touchscreen.tap(150, 300)
  await page.locator('.xterm-helper-textarea:focus').waitFor({ state: 'attached' })
})

test('a watcher whose screen has no room sees the rest of it by finger', async (t) => {
  const stage = await openStage(t)
  const args = ['-c', 'seq 300; echo last; read go']
  const { id } = await stage.cliscale.sessions.create({ command: 'sh', args })
  const driver = await stage.open(`session=${id}`, { viewport: { width: 1200, height: 1500 } })
  await connected(driver)
  await shows(driver, /^last$/m)
  const page = await stage.open(`session=${id}&role=observer`, {
    ...PHONE,
    viewport: { width: 390, height: 300 },
  })
  await connected(page)
  const scrolled = (): Promise<number> =>
    page.locator('.cliscale-screen').evaluate((screen) => screen.scrollTop)
  await waitFor('a screen without room', () =>
    page.evaluate(() => {
      const [whole, shown] = ['.xterm-screen', '.cliscale-screen'].map(
        (name) => document.querySelector(name)?.clientHeight ?? 0,
      )
      return (whole ?? 0) > (shown ?? 0) + 20
    }),
  )
  const finger = await Finger.on(page)
  await finger.drag(200, 100, true)
  await waitFor('the container to follow', async () => (await scrolled()) > 0)
})
