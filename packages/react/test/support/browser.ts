import { type Browser, chromium } from 'playwright-core'

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

/** Starts a real Chromium, with more flags. */
export async function launchBrowser(
  kind: BrowserKind = 'dom',
  flags: readonly string[] = [],
): Promise<Browser> {
  const drawing =
    kind === 'dom'
      ? ['--disable-gpu', '--disable-3d-apis']
      : ['--enable-unsafe-swiftshader', '--use-angle=swiftshader']
  return await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [...FLAGS, ...drawing, ...flags],
  })
}
