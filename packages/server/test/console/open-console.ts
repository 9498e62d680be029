import { after, type TestContext } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { startTestServer, type TestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

/** The built console, served by a real server to a real browser. */
export interface ConsoleStage {
  readonly server: TestServer
  /** A client beside the browser. */
  readonly cliscale: Cliscale
  /** A link that signs one browser in. */
  link(): Promise<string>
  /** Opens an address in a new page of a browser of its own. */
  open(address: string, options?: BrowserContextOptions): Promise<Page>
  /** Signs in by a new link and waits for the shell that it opens. */
  signIn(options?: BrowserContextOptions): Promise<Page>
  /** Uncaught errors of all pages, and refusals of their content security policy. */
  readonly complaints: string[]
}

let browser: Promise<Browser> | undefined

// Registered while the file loads, so that it runs after the file's last test.
after(async () => {
  await (await browser)?.close()
})

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-3d-apis', '--disable-quic', '--no-first-run']

/** Sets it up; the test's end takes it down. */
export async function openConsole(t: TestContext, flags: readonly string[] = []): Promise<ConsoleStage> {
  const server = await startTestServer(t, { flags: ['--spare-runners=1', ...flags] })
  // Once for all tests of a file: to start it costs more than most tests do.
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: FLAGS,
  })
  const chromiumOfFile = await browser
  const complaints: string[] = []
  const link = (): Promise<string> => server.server.createConsoleLink()
  const open = async (address: string, options: BrowserContextOptions = {}): Promise<Page> => {
    const profile = await chromiumOfFile.newContext(options)
    t.after(() => profile.close())
    const page = await profile.newPage()
    watch(page, complaints)
    await page.goto(address)
    return page
  }
  const signIn = async (options: BrowserContextOptions = {}): Promise<Page> => {
    const page = await open(await link(), options)
    await connected(page)
    return page
  }
  const cliscale = new Cliscale({ baseUrl: server.baseUrl, apiKey: server.apiKey })
  return { server, cliscale, link, open, signIn, complaints }
}

/** Another tab of the same browser. */
export async function openTab(page: Page, address: string): Promise<Page> {
  const tab = await page.context().newPage()
  await tab.goto(address)
  return tab
}

/** Waits until the terminal of a page is connected. */
export async function connected(page: Page): Promise<void> {
  await page.waitForSelector('.cliscale[data-state="connected"]')
}

/** Waits until the rows of the terminal show a text. The DOM renderer writes spaces as no-break spaces. */
export async function shows(page: Page, text: string): Promise<void> {
  await waitFor(async () => (await screenText(page)).includes(text), { what: `the screen shows ${text}` })
}

/** The visible rows of the terminal. */
export async function screenText(page: Page): Promise<string> {
  const rows = await page.locator('.xterm-rows > div').allTextContents()
  return rows.map((row) => row.replaceAll('\u00A0', ' ').trimEnd()).join('\n')
}

function watch(page: Page, complaints: string[]): void {
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && message.text().includes('Content Security Policy')) {
      complaints.push(message.text())
    }
  })
}
