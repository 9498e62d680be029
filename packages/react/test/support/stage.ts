import type { TestContext } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { type BrowserKind, openProfile } from './browser.ts'
import { buildPage, type PageFiles } from './build-page.ts'
import { Front, type FrontOptions } from './front.ts'
import { waitFor } from './wait-for.ts'

/** The part of the server's own test support that is used here. */
interface ServerSupport {
  readonly startTestServer: (
    t: TestContext,
    options: { readonly flags: readonly string[] },
  ) => Promise<{ readonly baseUrl: string; readonly apiKey: string }>
}

/** A policy without any 'unsafe': what a careful host of the component would send. */
export const STRICT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'"

/** What a test may want otherwise. */
export interface StageOptions {
  readonly kind?: BrowserKind
  /** Flags of the server. */
  readonly flags?: readonly string[]
  /** Content-Security-Policy of the page. */
  readonly policy?: string
  /** Where another React is installed than the workspace's. */
  readonly reactFolder?: string
  /** Another page than that of the tests. */
  readonly files?: PageFiles
  /** The app's own endpoints, by path. */
  readonly answers?: FrontOptions['answers']
}

/** A real server, an app in front of it, and a real browser. */
export interface Stage {
  /** A client of the server, past the app. */
  readonly cliscale: Cliscale
  readonly front: Front
  /** Of the server. */
  readonly baseUrl: string
  /** Opens the app's page; what it complained about is in `complaints`. */
  open(query: string, options?: BrowserContextOptions): Promise<Page>
  /** Uncaught errors and errors on the consoles of all pages. */
  readonly complaints: string[]
}

// Not a literal: the server's sources are not part of this package's program.
// Loaded with the file and not in a test, because it registers what runs after the file's last test.
const SUPPORT = new URL('../../../server/test/support/server.ts', import.meta.url).href
const { startTestServer } = (await import(SUPPORT)) as ServerSupport

/** Sets it up; the test's end takes it down. */
export async function openStage(t: TestContext, options: StageOptions = {}): Promise<Stage> {
  const server = await startTestServer(t, { flags: ['--spare-runners=1', ...(options.flags ?? [])] })
  const { baseUrl, apiKey } = server
  const headers = options.policy === undefined ? {} : { 'content-security-policy': options.policy }
  const front = await Front.start({
    upstream: baseUrl,
    apiKey,
    files: options.files ?? (await buildPage(options.reactFolder)),
    ...(options.answers === undefined ? {} : { answers: options.answers }),
    headers,
  })
  t.after(() => front.stop())
  const complaints: string[] = []
  const open = async (query: string, context: BrowserContextOptions = {}): Promise<Page> => {
    const page = await (await openProfile(t, context, options.kind)).newPage()
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await page.goto(`${front.origin}/?${query}`)
    return page
  }
  return { cliscale: new Cliscale({ baseUrl, apiKey }), front, baseUrl, open, complaints }
}

/** The text of the page's terminal, scrollback included. */
export async function screenText(page: Page): Promise<string> {
  return await page.evaluate(() => window.terminal.text())
}

/** Waits until the terminal is connected. */
export async function connected(page: Page): Promise<void> {
  await page.waitForSelector('.cliscale[data-state="connected"]')
  await page.waitForFunction(() => window.terminal.role !== null)
}

/** A session of a shell whose prompt {@link prompted} knows. */
export const shell = { command: 'sh', env: { PS1: '$ ', ENV: '' } } as const

/** Waits until the terminal is live and its shell asks for a command: what is typed sooner is echoed before the prompt. */
export async function prompted(page: Page): Promise<void> {
  await connected(page)
  await shows(page, /^\$ ?$/m)
}

/** Waits until the terminal shows a text. */
export async function shows(page: Page, text: string | RegExp): Promise<void> {
  const found = (screen: string): boolean =>
    typeof text === 'string' ? screen.includes(text) : text.test(screen)
  let last = ''
  try {
    await waitFor(`the screen to show ${String(text)}`, async () => {
      last = await screenText(page)
      return found(last)
    })
  } catch (error) {
    throw new Error(`${(error as Error).message}; it shows:\n${last}`, { cause: error })
  }
}

/** A point on the text that a row of the DOM renderer begins with. */
export async function pointOn(page: Page, text: string): Promise<{ readonly x: number; readonly y: number }> {
  return await waitFor(`a row that begins with ${text}`, () =>
    page.evaluate((wanted) => {
      const rows = Array.from(document.querySelectorAll('.xterm-rows > div'))
      const box = rows.find(({ textContent }) => textContent.startsWith(wanted))?.getBoundingClientRect()
      return box === undefined ? undefined : { x: box.left + 20, y: box.top + box.height / 2 }
    }, text),
  )
}
