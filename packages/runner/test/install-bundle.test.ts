import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import type { SessionExit } from '@cliscale/sdk/protocol'

import { tarOf, type TarEntry } from './support/archives.ts'
import { serve, sha256 } from './support/install-here.ts'
import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

const TOOL: TarEntry = { path: 'tool/bin/hello', content: '#!/bin/sh\necho "hello from $0 in $PWD"\n' }

interface Installed {
  readonly exit: SessionExit
  readonly text: string
  readonly workFolder: string
  readonly phases: readonly string[]
}

/** Runs `command` of a bundle that a server sends. */
async function install(
  t: TestContext,
  archive: Buffer,
  over: { listener?: RequestListener; digest?: string; url?: (host: string) => string; hosts?: string } = {},
): Promise<Installed> {
  const listener: RequestListener = over.listener ?? ((_request, response) => response.end(archive))
  const host = await serve(t, listener)
  const runner = await startRunner(t, { flags: ['--bundle-http-hosts', over.hosts ?? '127.0.0.1'] })
  const { events } = runner.follow()
  await waitFor('the status event', () => events.length > 0)
  const url = over.url?.(host) ?? `http://${host}/tool.tar.gz`
  await runner.assign({ command: 'hello', bundle: { url, sha256: over.digest ?? sha256(archive) } })
  const terminal = await runner.connect()
  const exit = await terminal.exited(20_000)
  const phases = events.flatMap((event) => (event.type === 'phase' ? [event.report.phase] : []))
  return { exit, text: terminal.text, workFolder: runner.workFolder, phases: [...new Set(phases)] }
}

test('a tar bundle is fetched, verified, unpacked, and its program found', async (t) => {
  const archive = tarOf([{ path: 'tool/', type: 'Directory' }, TOOL])
  const { exit, text, phases, workFolder } = await install(t, archive)
  assert.equal(exit.code, 0)
  assert.match(text, /hello from .*\/work\/tool\/bin\/hello in .*\/work/)
  assert.deepEqual(phases, ['fetching', 'verifying', 'starting'])
  assert.deepEqual(readdirSync(workFolder), ['tool'])
})

test('a zip bundle is unpacked, with its modes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zip-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'bin'))
  writeFileSync(join(folder, 'bin', 'hello'), '#!/bin/sh\necho zipped\n', { mode: 0o755 })
  const script =
    'import sys, zipfile, os\nz = zipfile.ZipFile(sys.argv[1], "w")\nz.write("bin/hello")\nz.close()'
  execFileSync('python3', ['-c', script, 'a.zip'], { cwd: folder })
  const { readFileSync } = await import('node:fs')
  const archive = readFileSync(join(folder, 'a.zip'))
  const { exit, text } = await install(t, archive)
  assert.equal(exit.code, 0, text)
  assert.match(text, /zipped/)
})

test('links within the bundle work, and no special bit is kept', async (t) => {
  const archive = tarOf([
    { ...TOOL, path: 'lib/hello', mode: 0o6755 },
    { path: 'bin/hello', type: 'SymbolicLink', linkpath: '../lib/hello' },
  ])
  const { exit, workFolder } = await install(t, archive)
  assert.equal(exit.code, 0)
  assert.equal(statSync(join(workFolder, 'lib/hello')).mode & 0o7777, 0o755)
})

test('progress is told in bytes, to waiting clients too', async (t) => {
  const archive = tarOf([TOOL, { path: 'tool/data', content: 'x'.repeat(50_000) }])
  const halves = [archive.subarray(0, 100), archive.subarray(100)]
  let release = (): void => {}
  const host = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-length': archive.length })
    response.write(halves[0])
    release = () => response.end(halves[1])
  })
  const runner = await startRunner(t, { flags: ['--bundle-http-hosts', host] })
  await runner.assign({ command: 'hello', bundle: { url: `http://${host}/a.tgz`, sha256: sha256(archive) } })
  const terminal = await runner.connect()
  const first = await terminal.message('phase')
  assert.equal(first.report.phase, 'fetching')
  assert.equal((await runner.status()).state, 'preparing')
  release()
  await terminal.exited()
  assert.match(terminal.text, /hello from/)
})

test('where a download stalls is told, though nothing comes after it', async (t) => {
  const pieces = [1_000, 2_000, 3_000, 4_000]
  const host = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 })
    const next = (): void => {
      const piece = pieces.shift()
      if (piece !== undefined) response.write(Buffer.alloc(piece), () => setImmediate(next))
    }
    next()
  })
  const runner = await startRunner(t, { flags: ['--bundle-http-hosts', host] })
  await runner.assign({ command: 'x', bundle: { url: `http://${host}/a.tgz`, sha256: '0'.repeat(64) } })
  await waitFor('the last progress before the stall', async () => {
    const { phase } = await runner.status()
    return phase?.progress?.done === 10_000
  })
})

const DEVICE: TarEntry = { path: 'tool/dev', type: 'CharacterDevice' }

const BAD: readonly (readonly [what: string, archive: Buffer, code: string])[] = [
  ['an entry that climbs out', tarOf([TOOL, { path: '../evil', content: 'x' }]), 'BUNDLE_INVALID'],
  ['an absolute entry', tarOf([{ path: '/tmp/evil-entry', content: 'x' }]), 'BUNDLE_INVALID'],
  [
    'a symbolic link to the outside',
    tarOf([{ path: 'a', type: 'SymbolicLink', linkpath: '../..' }]),
    'BUNDLE_INVALID',
  ],
  [
    'an absolute symbolic link',
    tarOf([{ path: 'a', type: 'SymbolicLink', linkpath: '/etc' }]),
    'BUNDLE_INVALID',
  ],
  [
    'a hard link to the outside',
    tarOf([{ path: 'a', type: 'Link', linkpath: '../../etc/passwd' }]),
    'BUNDLE_INVALID',
  ],
  ['a device', tarOf([DEVICE]), 'BUNDLE_INVALID'],
  ['too large an entry', tarOf([{ path: 'big', size: 2_000_000_000 }]), 'BUNDLE_TOO_LARGE'],
  ['no archive', Buffer.from('this is no archive at all'), 'BUNDLE_INVALID'],
  ['half an archive', tarOf([TOOL]).subarray(0, 60), 'BUNDLE_INVALID'],
  ['half a zip', Buffer.from('PK\x03\x04 and nothing more'), 'BUNDLE_INVALID'],
]

for (const [what, archive, code] of BAD) {
  test(`${what} is refused and nothing is unpacked`, async (t) => {
    const { exit, text, workFolder } = await install(t, archive)
    assert.equal(exit.failure?.code, code, text)
    assert.equal(exit.reason, 'failed')
    assert.ok(text.startsWith('\x1b[31m'))
    assert.deepEqual(readdirSync(workFolder), [])
    assert.equal(existsSync('/tmp/evil-entry'), false)
  })
}

test('a wrong digest is refused before anything is unpacked', async (t) => {
  const { exit, workFolder } = await install(t, tarOf([TOOL]), { digest: '0'.repeat(64) })
  assert.equal(exit.failure?.code, 'BUNDLE_DIGEST_MISMATCH')
  assert.deepEqual(readdirSync(workFolder), [])
})

test('http is refused from hosts that were not allowed', async (t) => {
  const archive = tarOf([TOOL])
  const direct = await install(t, archive, { hosts: 'example.com' })
  assert.equal(direct.exit.failure?.code, 'BUNDLE_REFUSED')
  const file = await install(t, archive, { url: () => 'file:///etc/passwd' })
  assert.equal(file.exit.failure?.code, 'BUNDLE_REFUSED')
})

test('a network fault is tried again', async (t) => {
  const archive = tarOf([TOOL])
  let requests = 0
  const flaky = await install(t, archive, {
    listener: (request, response) => {
      if (++requests === 1) response.writeHead(503).end()
      else if (requests === 2) request.socket.destroy()
      else response.end(archive)
    },
  })
  assert.equal(flaky.exit.code, 0)
  assert.equal(requests, 3)
})

test('a network fault in the middle leaves nothing of the first attempt in the second', async (t) => {
  const archive = tarOf([TOOL])
  let requests = 0
  const { exit, text } = await install(t, archive, {
    listener: (request, response) => {
      if (++requests > 1) response.end(archive)
      else response.write(Buffer.alloc(100_000), () => request.socket.destroy())
    },
  })
  assert.equal(exit.code, 0, text)
  assert.equal(requests, 2)
})

test('a bundle that says it is larger than allowed is not downloaded', async (t) => {
  const { exit } = await install(t, tarOf([TOOL]), {
    listener: (_request, response) => response.writeHead(200, { 'content-length': 300_000_000 }).write('x'),
  })
  assert.equal(exit.failure?.code, 'BUNDLE_TOO_LARGE')
})

test('a stop during the download ends the session', async (t) => {
  const host = await serve(t, (_request, response) => void response.write('x'))
  const runner = await startRunner(t, { flags: ['--bundle-http-hosts', host] })
  await runner.assign({ command: 'x', bundle: { url: `http://${host}/a.tgz`, sha256: '0'.repeat(64) } })
  const terminal = await runner.connect()
  await terminal.message('phase')
  await runner.request('POST', '/v1/stop', { reason: 'killed' })
  assert.equal((await terminal.exited()).reason, 'killed')
  assert.equal(await runner.ended(), 0)
})
