import { after, type TestContext } from 'node:test'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'

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

const DRAWING: Readonly<Record<BrowserKind, readonly string[]>> = {
  dom: ['--disable-gpu', '--disable-3d-apis'],
  webgl: ['--enable-unsafe-swiftshader', '--use-angle=swiftshader'],
}

/** Starts a real Chromium of its own, with more flags. */
export async function launchBrowser(
  kind: BrowserKind = 'dom',
  flags: readonly string[] = [],
): Promise<Browser> {
  return await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [...FLAGS, ...DRAWING[kind], ...flags],
  })
}

const browsers = new Map<BrowserKind, Promise<Browser>>()

// Registered while the file loads, so that it runs after the file's last test.
after(async () => {
  for (const browser of browsers.values()) await (await browser).close()
})

/**
 * A new profile of a real Chromium, which starts once for all tests of a file: to start it costs more than most tests
 * do. The profile, with its pages, is gone when the test ends.
 */
export async function openProfile(
  t: TestContext,
  options: BrowserContextOptions = {},
  kind: BrowserKind = 'dom',
): Promise<BrowserContext> {
  let browser = browsers.get(kind)
  if (browser === undefined) {
    browser = launchBrowser(kind)
    browsers.set(kind, browser)
  }
  const profile = await (await browser).newContext(options)
  t.after(() => profile.close())
  return profile
}

/** A profile of a browser of its own, whose zoom can be set as a person sets it. Its pages are as large as its window. */
export interface ZoomedBrowser {
  readonly profile: BrowserContext
  /** Of all pages: 1.25 shows a CSS pixel as one and a quarter of the display's. */
  readonly setZoom: (zoom: number) => Promise<void>
}

/** Starts one with a window of a size in pixels of the display, until the test ends. */
export async function openZoomed(t: TestContext, kind: BrowserKind, size: string): Promise<ZoomedBrowser> {
  // Only a browser's first profile has the settings.
  const profile = await chromium.launchPersistentContext('', {
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    viewport: null,
    permissions: ['clipboard-read', 'clipboard-write'],
    args: [...FLAGS, ...DRAWING[kind], `--window-size=${size}`],
  })
  t.after(() => profile.close())
  const settings = await profile.newPage()
  await settings.goto('chrome://settings/appearance')
  const setZoom = (zoom: number): Promise<void> =>
    settings.evaluate(
      (one) =>
        new Promise<void>((resolve) => {
          const { chrome } = globalThis as unknown as { readonly chrome: SettingsPage }
          chrome.settingsPrivate.setDefaultZoom(one, () => resolve())
        }),
      zoom,
    )
  return { profile, setZoom }
}

/** What Chromium gives to the page of its settings. */
interface SettingsPage {
  readonly settingsPrivate: { setDefaultZoom(zoom: number, done: () => void): void }
}
