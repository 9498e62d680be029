// The folder that is published for pages without React and without a bundler, as it was built.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import type { Page } from 'playwright-core'
import type { MountedTerminal, MountOptions } from '../src/mount.tsx'
import type { PageFiles } from './support/build-page.ts'
import { openStage, shell, type Stage } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

const README = new URL('../README.md', import.meta.url)
const EXAMPLE = new URL('../../../examples/plain-page/index.html', import.meta.url)
const FOLDER = new URL('../dist/mount/', import.meta.url)
const TYPES = { js: 'text/javascript', css: 'text/css', map: 'application/json' }

declare global {
  interface Window {
    mount: (element: Element | null, options: object) => MountedTerminal
    mounted: MountedTerminal
    TokenSource: { endpoint(path: string): NonNullable<MountOptions['tokenSource']> }
    /** Listeners of the window and the document that were added and not taken away. */
    listening: () => string[]
  }
}

/** A page, with the folder below `/cliscale`. */
async function filesOf(html: string): Promise<PageFiles> {
  const names = await readdir(FOLDER)
  const files = await Promise.all(
    names.map(async (name) => {
      const type = TYPES[name.slice(name.lastIndexOf('.') + 1) as keyof typeof TYPES]
      return [`/cliscale/${name}`, { type, body: await readFile(new URL(name, FOLDER)) }] as const
    }),
  )
  return { '/': { type: 'text/html', body: html }, ...Object.fromEntries(files) }
}

/** A page of an app that answers `/api/terminal` with tokens of one shell. */
async function openApp(t: TestContext, html: string): Promise<Stage & { readonly sessionId: string }> {
  let token: () => Promise<object> = () => Promise.reject(new Error('There is no session yet.'))
  const answers = { '/api/terminal': () => token() }
  const stage = await openStage(t, { files: await filesOf(html), answers })
  const { id } = await stage.cliscale.sessions.create(shell)
  // Asked through the app, so that the terminal's address is the app's.
  const app = new Cliscale({ baseUrl: stage.front.origin })
  token = () => app.sessions.createToken(id, { role: 'driver' })
  return { ...stage, sessionId: id }
}

async function shownBy(page: Page, text: RegExp): Promise<void> {
  await waitFor(`the page to show ${String(text)}`, async () => {
    const rows = await page.locator('.xterm-rows > div').allTextContents()
    return rows.some((row) => text.test(row.trimEnd()))
  })
}

test('the page of the README shows a terminal, sends what is typed, follows its size, and closes', async (t) => {
  const html = /^```html\n([\s\S]*?)^```/m.exec(await readFile(README, 'utf8'))?.[1] ?? ''
  assert.equal(html, await readFile(EXAMPLE, 'utf8'), 'The example plain-page shows another page.')
  const stage = await openApp(t, html)
  const page = await stage.open('')
  await page.waitForSelector('.cliscale[data-state="connected"]')
  await shownBy(page, /^\$$/)
  await page.keyboard.type('echo $((6 * 7)) grün 漢字\n')
  await shownBy(page, /^42 grün 漢字$/)
  const rows = await page.locator('.xterm-rows > div').count()
  await page.evaluate(() => {
    const terminal = document.querySelector<HTMLElement>('#terminal')
    if (terminal !== null) terminal.style.height = '200px'
  })
  await waitFor('fewer rows', async () => (await page.locator('.xterm-rows > div').count()) < rows)
  const fewer = await page.locator('.xterm-rows > div').count()
  await waitFor('the program to see them', async () => {
    await page.keyboard.type('clear; stty size\n')
    const texts = await page.locator('.xterm-rows > div').allTextContents()
    return texts.some((text) => text.startsWith(`${fewer} `))
  })
  await page.click('#close')
  assert.equal(await page.locator('#terminal > *').count(), 0)
  await waitFor('the socket to be closed', () => stage.front.open === 0)
  assert.deepEqual(stage.complaints, [])
})

/** Gives the module's functions to the test. */
const BARE = `<!doctype html><link rel="icon" href="data:,"><link rel="stylesheet" href="/cliscale/mount.css">
<div id="terminal" style="height: 400px"></div><script type="module">
  import { mountTerminal, TokenSource } from '/cliscale/mount.js'
  Object.assign(window, { mount: mountTerminal, TokenSource })
</script>`

/** Notes in the page what listens to its window and its document. */
function watchListeners(): void {
  const live: { target: EventTarget; type: string; listener: unknown; capture: boolean }[] = []
  const captures = (options: boolean | EventListenerOptions | null | undefined): boolean =>
    (typeof options === 'object' ? options?.capture : options) === true
  const watch = (method: 'addEventListener' | 'removeEventListener'): void => {
    const original = Reflect.get(EventTarget.prototype, method) as () => void
    EventTarget.prototype[method] = function (this: EventTarget, type, listener, options) {
      const capture = captures(options)
      const known = live.findIndex(
        (one) =>
          one.target === this && one.type === type && one.listener === listener && one.capture === capture,
      )
      if (known >= 0) live.splice(known, 1)
      if (method === 'addEventListener') live.push({ target: this, type, listener, capture })
      Reflect.apply(original, this, [type, listener, options])
    }
  }
  watch('addEventListener')
  watch('removeEventListener')
  window.listening = () =>
    live
      .filter(({ target }) => target === window || target === document || target === document.body)
      .map(({ target, type }) => `${target === window ? 'window' : 'page'} ${type}`)
      .sort()
}

/** Mounts a terminal, waits for its shell, and disposes of it. */
async function mountOnce(page: Page): Promise<void> {
  await page.evaluate(() => {
    window.mounted = window.mount(document.querySelector('#terminal'), {
      tokenSource: window.TokenSource.endpoint('/api/terminal'),
    })
  })
  await page.waitForFunction(() => window.mounted.terminal.role === 'driver')
  await page.evaluate(() => {
    window.mounted.dispose()
    window.mounted.dispose()
  })
}

test('a terminal that is disposed of leaves no listener, element or socket, and others live on', async (t) => {
  const stage = await openApp(t, BARE)
  const page = await stage.open('')
  await page.addInitScript(watchListeners)
  await page.reload()
  await page.waitForFunction(() => 'mount' in window)
  // The browser's driver listens as well, from its first look at an element on.
  await page.locator('#terminal').isVisible()
  const before = await page.evaluate(() => window.listening())
  await mountOnce(page)
  await waitFor('the socket to be closed', () => stage.front.open === 0)
  const left = await page.evaluate(() => window.listening())
  // React, xterm and its addon listen for these once per page, as soon as their code is loaded, and the SDK for what the
  // page's policy forbids.
  const once = ['page selectionchange', 'window message', 'window message', 'window securitypolicyviolation']
  assert.deepEqual(left, [...before, ...once].sort())
  await mountOnce(page)
  assert.deepEqual(await page.evaluate(() => window.listening()), left)
  await waitFor('the socket to be closed', () => stage.front.open === 0)
  assert.equal(await page.locator('#terminal > *').count(), 0)
  assert.equal(await page.evaluate(() => document.adoptedStyleSheets.length), 0)
  assert.equal((await stage.cliscale.sessions.get(stage.sessionId)).state, 'running')
  assert.deepEqual(stage.complaints, [])
})

test('options change without a new connection, and the handle types and reads', async (t) => {
  const stage = await openApp(t, BARE)
  const page = await stage.open('')
  await page.waitForFunction(() => 'mount' in window)
  await page.evaluate(() => {
    window.mounted = window.mount(document.querySelector('#terminal'), {
      tokenSource: window.TokenSource.endpoint('/api/terminal'),
      fontSize: 14,
    })
  })
  await page.waitForFunction(() => window.mounted.terminal.role === 'driver')
  const { columns } = await page.evaluate(() => window.mounted.terminal.size)
  await page.evaluate(() => window.mounted.update({ fontSize: 24, label: 'Build' }))
  await page.waitForFunction((before) => window.mounted.terminal.size.columns < before, columns)
  await page.getByRole('region', { name: 'Build' }).waitFor()
  await page.evaluate(() => window.mounted.terminal.write('echo $((40 + 2))\n'))
  await page.waitForFunction(() => /^42$/m.test(window.mounted.terminal.text()))
  assert.equal(stage.front.upgrades, 1)
  const refusal = await page.evaluate(() => {
    try {
      window.mount(document.querySelector('#nowhere'), {})
      return ''
    } catch (error) {
      return String(error)
    }
  })
  assert.match(refusal, /^TypeError: mountTerminal needs an element of the page/)
})
