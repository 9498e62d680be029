import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ErrorBody, SessionInfo } from '@cliscale/sdk/protocol'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { startTestServer } from '../support/server.ts'
import { callApi } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  attach,
  completeness,
  createRecorded,
  fetchRecording,
  finished,
  outputOf,
  sessionOf,
} from './recorded-session.ts'

const errorOf = (text: string): string => (JSON.parse(text) as ErrorBody).error.code

test('a recording can be had while its session runs, and whole after its end', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=1'] })
  const made = await createRecorded(server, { command: 'bash', args: ['--norc'], env: { PS1: '$ ' } })
  const { id } = made.session
  assert.deepEqual(made.session.recording, {
    mode: 'output',
    state: 'recording',
    bytes: null,
    truncated: false,
  })
  const terminal = await attach(t, made)
  await waitFor(() => terminal.text().includes('$ '), { what: 'the prompt' })
  terminal.type('read -s word; echo "got ${#word}"\r')
  await waitFor(() => terminal.text().includes('word'), { what: 'the echo' })
  terminal.type('correct horse\r')
  await waitFor(() => terminal.text().includes('got 13'), { what: 'the answer' })
  const open = await fetchRecording(server, id)
  assert.deepEqual([open.status, completeness(open)], [200, 'open'])
  assert.equal(open.headers.get('content-length'), null)
  assert.match(outputOf(open.text), /got 13/)

  terminal.type("printf '\\e[32mgrüße\\e[0m'; exit 3\r")
  await terminal.got('exit')
  const { recording } = await finished(server, id)
  const whole = await fetchRecording(server, id)
  assert.deepEqual([whole.status, completeness(whole)], [200, 'complete'])
  const bytes = Buffer.byteLength(whole.text)
  assert.deepEqual(recording, { mode: 'output', state: 'stored', bytes, truncated: false })
  assert.equal(whole.headers.get('content-length'), String(bytes))
  assert.ok(whole.text.startsWith(open.text))
  assert.equal(outputOf(whole.text), terminal.text())
  assert.match(whole.text, /\[[\d.]+,"x","3"\]\n$/)
  assert.ok(!whole.text.includes('correct horse'), 'what was typed unseen is not in it')

  assert.equal(whole.headers.get('content-type'), 'application/x-asciicast')
  assert.equal(whole.headers.get('content-disposition'), `attachment; filename="${id}.cast"`)
  assert.equal(whole.headers.get('cache-control'), 'private, no-store')
  assert.equal(whole.headers.get('x-content-type-options'), 'nosniff')
  const head = await fetchRecording(server, id, 'HEAD')
  assert.deepEqual(
    [head.status, head.text, head.headers.get('content-length'), completeness(head)],
    [200, '', String(bytes), 'complete'],
  )
  const metrics = await (await fetch(`${server.internalUrl}/metrics`)).text()
  assert.match(metrics, /^cliscale_controller_recordings_total\{state="stored"\} 1$/m)
  assert.match(metrics, /^cliscale_controller_waiting_recordings \d$/m)
  const stored = join(server.dataDir, 'recordings', 'stored', `${id}.cast`)
  assert.equal((await stat(stored)).mode & 0o777, 0o600)
})

test('input is recorded only for who asks for it', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const made = await createRecorded(server, {
    recording: 'output-and-input',
    command: 'sh',
    args: ['-c', 'stty -echo; echo ready; read word; echo over'],
  })
  const terminal = await attach(t, made)
  await waitFor(() => terminal.text().includes('ready'), { what: 'the question' })
  terminal.type('correct horse\r')
  await terminal.got('exit')
  await finished(server, made.session.id)
  const { text } = await fetchRecording(server, made.session.id)
  assert.match(text, /,"i","correct horse\\r"\]/)
  assert.ok(!outputOf(text).includes('correct horse'))
})

test('a session that is not recorded has no recording, nor has one that never began', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0', '--max-sessions=1'] })
  const plain = await createRecorded(server, { recording: 'off', command: 'cat' })
  assert.equal(plain.session.recording, null)
  for (const method of ['GET', 'DELETE']) {
    const none = await fetchRecording(server, plain.session.id, method)
    assert.deepEqual([none.status, errorOf(none.text)], [404, 'RECORDING_NOT_FOUND'], method)
  }
  const queued = await createRecorded(server, { command: 'cat' })
  assert.equal(queued.session.state, 'queued')
  const { id } = queued.session
  assert.deepEqual([(await fetchRecording(server, id)).text], [''])
  await server.call('DELETE', `/v1/sessions/${id}`)
  await waitFor(async () => (await sessionOf(server, id)).recording === null, {
    what: 'the recording that never began to go',
  })
})

test('a recording is deleted with its file, also while it grows', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const done = await createRecorded(server, { command: 'echo', args: ['once'] })
  await finished(server, done.session.id)
  const file = join(server.dataDir, 'recordings', 'stored', `${done.session.id}.cast`)
  assert.ok(await stat(file))
  const gone = await fetchRecording(server, done.session.id, 'DELETE')
  assert.deepEqual([gone.status, gone.text], [204, ''])
  await assert.rejects(stat(file), /ENOENT/)
  assert.equal((await sessionOf(server, done.session.id)).recording, null)
  const again = await fetchRecording(server, done.session.id)
  assert.deepEqual([again.status, errorOf(again.text)], [404, 'RECORDING_NOT_FOUND'])

  const live = await createRecorded(server, { command: 'cat' })
  const terminal = await attach(t, live)
  terminal.type('still here\r')
  await waitFor(() => terminal.text().includes('still here'), { what: 'the echo' })
  assert.equal((await fetchRecording(server, live.session.id, 'DELETE')).status, 204)
  assert.equal((await fetchRecording(server, live.session.id)).status, 404)
  terminal.type('and goes on\r')
  await waitFor(() => terminal.text().includes('and goes on'), { what: 'the session to go on' })
  terminal.type('\u0004')
  await terminal.got('exit')
  assert.equal((await sessionOf(server, live.session.id)).recording, null)
})

test('nobody reads or deletes what is not theirs', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const { session } = await createRecorded(server, { command: 'echo', args: ['mine'] })
  await finished(server, session.id)
  await server.store.projects.ensure('other', 'Other')
  const keyOf = async (project: string, scopes: ['admin'] | ['sessions:read']): Promise<string> =>
    (await createApiKey(server.store.apiKeys, { project, name: 'k', scopes })).secret
  const foreign = { baseUrl: server.baseUrl, apiKey: await keyOf('other', ['admin']) }
  for (const method of ['GET', 'DELETE']) {
    const answer = await fetchRecording(foreign, session.id, method)
    assert.deepEqual([answer.status, errorOf(answer.text)], [404, 'SESSION_NOT_FOUND'], method)
  }
  assert.equal((await fetchRecording(foreign, session.id, 'HEAD')).status, 404)
  const { project } = await sessionOf(server, session.id)
  const reader = { baseUrl: server.baseUrl, apiKey: await keyOf(project, ['sessions:read']) }
  assert.equal((await fetchRecording(reader, session.id)).status, 200)
  const refused = await fetchRecording(reader, session.id, 'DELETE')
  assert.deepEqual([refused.status, errorOf(refused.text)], [403, 'FORBIDDEN'])
  const nobody = await fetch(`${server.baseUrl}/v1/sessions/${session.id}/recording`)
  assert.equal(nobody.status, 401)
})

test('output that pretends to be a recording, a page or the end of the limit stays text', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const hostile =
    '[0,"m","The recording reached its limit and goes on without output."]\\n<script>x</script>\\n\\u2028"]'
  const { session } = await createRecorded(server, {
    command: 'printf',
    args: ['%b', hostile.replace('\\u2028', '\\xe2\\x80\\xa8')],
  })
  const { recording } = await finished(server, session.id)
  assert.deepEqual([recording?.state, recording?.truncated], ['stored', false])
  const { text } = await fetchRecording(server, session.id)
  assert.match(outputOf(text), /^\[0,"m".*<script>x<\/script>\r\n\u2028"\]$/s)
})

test('at the limit of the server the recording says that it is cut', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0', '--recording-max-bytes=65536'] })
  const { session } = await createRecorded(server, { command: 'seq', args: ['100000'] })
  const { recording, exit } = await finished(server, session.id)
  assert.deepEqual([recording?.state, recording?.truncated, exit?.code], ['stored', true, 0])
  assert.ok((recording?.bytes ?? 0) <= 65_536)
  const { text } = await fetchRecording(server, session.id)
  assert.match(text, /,"m","The recording reached its limit.*\]\n\[[\d.]+,"x","0"\]\n$/)
})

test('a session that was killed or could not start has its recording too', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=1'] })
  const killed = await createRecorded(server, { command: 'sh', args: ['-c', 'echo one; cat'] })
  await attach(t, killed)
  await waitFor(async () => (await fetchRecording(server, killed.session.id)).text.includes('one'), {
    what: 'the output in the recording',
  })
  await server.call('DELETE', `/v1/sessions/${killed.session.id}`)
  const failed = await createRecorded(server, { command: 'no-such-command' })
  const ends: readonly (readonly [string, RegExp])[] = [
    [killed.session.id, /^one\r\n/],
    [failed.session.id, /no-such-command/],
  ]
  for (const [id, output] of ends) {
    const info: SessionInfo = await finished(server, id)
    assert.equal(info.recording?.state, 'stored', info.endReason ?? '')
    assert.match(outputOf((await fetchRecording(server, id)).text), output)
  }
})

test('a recording whose file was lost is told apart from a server that failed', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const { session } = await createRecorded(server, { command: 'echo', args: ['x'] })
  await finished(server, session.id)
  const { rm } = await import('node:fs/promises')
  await rm(join(server.dataDir, 'recordings', 'stored', `${session.id}.cast`))
  const answer = await fetchRecording(server, session.id)
  assert.deepEqual([answer.status, errorOf(answer.text)], [404, 'RECORDING_NOT_FOUND'])
  const removed = await callApi(server, { method: 'DELETE', path: `/v1/sessions/${session.id}/recording` })
  assert.equal(removed.status, 204)
})

test('an isolated session sees neither its own recording nor those of others', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0', '--isolation=bubblewrap'] })
  const folder = join(server.dataDir, 'recordings')
  const script = `echo begun; find ${server.dataDir} -name '*.cast' 2>/dev/null; find ${folder}; echo over`
  const { session } = await createRecorded(server, { command: 'sh', args: ['-c', script] })
  assert.equal(session.isolation, 'bubblewrap')
  await finished(server, session.id)
  const output = outputOf((await fetchRecording(server, session.id)).text)
  assert.match(output, /^begun\r\n[^]*over\r\n$/)
  assert.doesNotMatch(output, /\.cast/)
})
