import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { connected, openStage, shows } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

interface Bundle {
  readonly url: string
  readonly host: string
  readonly sha256: string
  readonly bytes: number
  /** Sends more of it, up to this share. */
  send(share: number): Promise<void>
}

/** An archive of incompressible bytes with a command `hello`, on a server that sends it as it is told. */
async function slowBundle(t: TestContext): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'bundle-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'hello'), '#!/bin/sh\necho hello from the bundle\nexec sh\n', { mode: 0o755 })
  const noise = Buffer.alloc(3_000_000)
  for (let index = 0, seed = 1; index < noise.length; index += 1) {
    seed = (seed * 48_271) % 2_147_483_647
    noise[index] = seed & 255
  }
  await writeFile(join(folder, 'noise'), noise)
  await promisify(execFile)('tar', ['-czf', 'bundle.tgz', 'hello', 'noise'], { cwd: folder })
  const archive = await readFile(join(folder, 'bundle.tgz'))
  const asked = deferredResponse()
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': archive.length })
    response.flushHeaders()
    asked.resolve(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  let sent = 0
  return {
    url: `http://${host}/bundle.tgz`,
    host,
    sha256: createHash('sha256').update(archive).digest('hex'),
    bytes: archive.length,
    send: async (share) => {
      const response = await asked.promise
      const until = Math.floor(archive.length * share)
      response.write(archive.subarray(sent, until))
      sent = until
      if (share === 1) response.end()
    },
  }
}

test('phases and a byte-progress bar are drawn in the terminal before the shell appears in it', async (t) => {
  const bundle = await slowBundle(t)
  const stage = await openStage(t, { flags: [`--bundle-http-hosts=${bundle.host}`] })
  const { id } = await stage.cliscale.sessions.create({
    command: './hello',
    bundle: { url: bundle.url, sha256: bundle.sha256 },
  })
  const page = await stage.open(`session=${id}`)
  await bundle.send(0.1)
  const bar = page.getByRole('progressbar', { name: 'Download the CLI' })
  await bar.waitFor()
  assert.equal(await page.locator('[data-step="prepare"]').getAttribute('data-status'), 'done')
  assert.equal(await page.locator('[data-step="download"]').getAttribute('data-status'), 'active')
  assert.equal(await bar.getAttribute('max'), String(bundle.bytes))
  let share = 0.1
  await waitFor('the bar to follow', async () => {
    share = Math.min(0.6, share + 0.02)
    await bundle.send(share)
    const shown = await page.evaluate(() => document.querySelector('progress')?.position ?? 0)
    return shown > 0.4 && shown < 0.7
  })
  assert.match((await bar.getAttribute('aria-valuetext')) ?? '', /^1\.\d MB of \d\.\d MB/)
  assert.equal(await page.getAttribute('.cliscale', 'data-state'), 'provisioning')
  await bundle.send(1)
  await connected(page)
  await shows(page, /^hello from the bundle$/m)
  assert.equal(await page.locator('.cliscale-veil').count(), 0)
  const told = await page.evaluate(() => window.told)
  assert.ok(told.includes('phase fetching'), told.join())
  assert.equal(stage.front.upgrades, 1)
})

test('waiting for a place is a step of those sessions alone that wait, with their position', async (t) => {
  const stage = await openStage(t, { flags: ['--max-sessions=1', '--spare-runners=0'] })
  const first = await stage.cliscale.sessions.create({ command: 'sh' })
  const second = await stage.cliscale.sessions.create({ command: 'sh' })
  const waiting = await stage.open(`session=${second.id}`)
  const step = waiting.locator('[data-step="queue"][data-status="active"]')
  await step.getByText('Wait for a free place').waitFor()
  await step.getByText('Number 1 in the queue').waitFor()
  await waiting.getByRole('status').getByText('Number 1 in the queue').waitFor()
  assert.equal(await waiting.locator('[data-step="prepare"]').getAttribute('data-status'), 'waiting')
  await first.kill()
  await connected(waiting)
})

test('a bundle with another digest is shown as a failure with its code, and can be started again', async (t) => {
  const bundle = await slowBundle(t)
  const stage = await openStage(t, { flags: [`--bundle-http-hosts=${bundle.host}`] })
  const { id } = await stage.cliscale.sessions.create({
    command: './hello',
    bundle: { url: bundle.url, sha256: '0'.repeat(64) },
  })
  const page = await stage.open(`session=${id}`)
  await bundle.send(1)
  await page.getByText('BUNDLE_DIGEST_MISMATCH').first().waitFor()
  await page.getByRole('button', { name: 'Start again' }).click()
  assert.ok((await page.evaluate(() => window.told)).includes('restart'))
})

test('an exit is told with its code below the last screen', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create({ command: 'sh' })
  const page = await stage.open(`session=${id}`)
  await connected(page)
  await page.keyboard.type('echo last words; exit 3\n')
  await page.getByText('Exited with code 3.').waitFor()
  await shows(page, /^last words$/m)
  assert.equal(await page.getAttribute('.cliscale', 'data-state'), 'exited')
  const told = await page.evaluate(() => window.told)
  assert.equal(told.filter((line) => line === 'exit 3').length, 1)
})

test('a command that does not exist is a failure with code, message and exit 127', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create({ command: 'no-such-command' })
  const page = await stage.open(`session=${id}`)
  await page.getByText('COMMAND_NOT_FOUND').first().waitFor()
  await page.waitForFunction(() => window.told.includes('exit 127'))
})

test('a session that is not there is a failure that names its code', async (t) => {
  const stage = await openStage(t)
  const page = await stage.open('session=ses_0000000000000000000000')
  await page.getByText('SESSION_NOT_FOUND').waitFor()
  await page.getByRole('heading', { name: 'No connection to the session' }).waitFor()
  assert.ok((await page.evaluate(() => window.told)).includes('error SESSION_NOT_FOUND'))
})

function deferredResponse(): {
  readonly promise: Promise<ServerResponse>
  readonly resolve: (response: ServerResponse) => void
} {
  let resolve: (response: ServerResponse) => void = () => undefined
  const promise = new Promise<ServerResponse>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
