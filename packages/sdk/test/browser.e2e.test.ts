import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium, type Page } from 'playwright-core'
import { startServerProcess } from '../../server/test/support/server-process.ts'
import type * as Sdk from '../src/index.ts'

declare global {
  /** The SDK in the page. */
  var sdk: typeof Sdk
}

/** The SDK as a bundler makes it for a browser; it fails when a built-in of Node gets in. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'sdk',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  })
  return String(outputFiles[0]?.text)
}

/** A page of the server's own origin with the SDK in it. */
async function openPage(t: TestContext, baseUrl: string): Promise<Page> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  t.after(() => browser.close())
  const context = await browser.newContext({ bypassCSP: true })
  const page = await context.newPage()
  await page.goto(`${baseUrl}/healthz`)
  await page.addScriptTag({ content: await bundle() })
  return page
}

suite('browser', () => {
  test('the same client in Chromium', { timeout: 180_000 }, async (t) => {
    const server = await startServerProcess(t)
    const page = await openPage(t, server.baseUrl)
    const { apiKey } = server

    await t.test('creates a session, collects its output and its exit code', async () => {
      const result = await page.evaluate(async (key) => {
        const cliscale = new sdk.Cliscale({ baseUrl: '', apiKey: key })
        const session = await cliscale.sessions.create({
          command: 'sh',
          args: ['-c', 'printf hello; exit 3'],
        })
        const terminal = session.connect()
        return { text: await terminal.text(), exit: await terminal.exited }
      }, apiKey)
      assert.deepEqual(result, { text: 'hello', exit: { code: 3, signal: null, reason: 'exited' } })
    })

    await t.test('types, follows the session by events and resumes after the network was away', async () => {
      await page.evaluate(async (key) => {
        const cliscale = new sdk.Cliscale({ baseUrl: location.origin, apiKey: key })
        const script = 'stty -echo; echo begin; while read line; do echo "got $line"; done'
        const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', script] })
        const terminal = session.connect({ heartbeat: { inputMs: 100, unstableMs: 500, deadMs: 2_000 } })
        const seen = { text: '', states: [] as string[] }
        terminal.on('data', (data) => (seen.text += new TextDecoder().decode(data)))
        terminal.on('state', (state) => seen.states.push(state))
        Object.assign(globalThis, { session, terminal, seen })
      }, apiKey)
      await page.waitForFunction('seen.text.includes("begin")')
      await page.evaluate('terminal.write("one\\n")')
      await page.waitForFunction('seen.text.includes("got one")')
      await page.evaluate('session.waitUntil("running")')
      await page.context().setOffline(true)
      await page.evaluate('void terminal.write("two\\n")')
      await page.context().setOffline(false)
      await page.waitForFunction('seen.text.includes("got two")')
      assert.equal(await page.evaluate('seen.text'), 'begin\r\ngot one\r\ngot two\r\n')
      await page.evaluate('session.kill()')
      await page.waitForFunction('terminal.state === "exited"')
      await page.evaluate('session.waitUntil("ended")')
    })

    await t.test('refusals are typed although a browser shows no HTTP status', async () => {
      const code = await page.evaluate(async (key) => {
        const cliscale = new sdk.Cliscale({ baseUrl: '', apiKey: key })
        const session = await cliscale.sessions.create({ command: 'cat' })
        const { url } = await session.createToken()
        const terminal = sdk.connectTerminal({ url, tokenSource: sdk.TokenSource.literal('not.a.token') })
        return await terminal.ready.then(
          () => 'let in',
          (error: Sdk.CliscaleError) => error.code,
        )
      }, apiKey)
      assert.equal(code, 'TOKEN_INVALID')
    })
  })
})
