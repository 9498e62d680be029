import { type Browser, chromium, type ConsoleMessage, type Page } from 'playwright-core'

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** How a browser draws: `dom` has no WebGL at all, `webgl` draws with it in software. */
export type BrowserKind = 'dom' | 'webgl'

/** Starts a real Chromium. */
export async function launchBrowser(kind: BrowserKind = 'dom'): Promise<Browser> {
  return await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [
      ...FLAGS,
      ...(kind === 'dom'
        ? ['--disable-gpu', '--disable-3d-apis']
        : ['--enable-unsafe-swiftshader', '--use-angle=swiftshader']),
    ],
  })
}

/** Collects what a page complains about: uncaught errors, and errors on its console. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message: ConsoleMessage) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  return complaints
}
