import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Cliscale, EndedError, type PhaseReport, type SessionEvent, type SessionState } from '../src/index.ts'
import { startServerProcess } from '../../server/test/support/server-process.ts'
import { waitFor, within } from './support/wait-for.ts'

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

suite('sessions', () => {
  test('against a real server', { timeout: 240_000 }, async (t) => {
    const server = await startServerProcess(t)
    const cliscale = new Cliscale({ baseUrl: server.baseUrl, apiKey: server.apiKey })

    await t.test('create, run, collect the output and the exit code', async () => {
      const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', 'echo hello; exit 7'] })
      assert.match(session.id, /^ses_/)
      const terminal = session.connect()
      assert.equal(await within('the output', terminal.text()), 'hello\r\n')
      assert.equal((await terminal.exited).code, 7)
      await within('the end', session.waitUntil('ended'))
      assert.deepEqual(session.exit, { code: 7, signal: null, reason: 'exited' })
      assert.equal(session.info.endReason, 'exited')
      assert.ok(session.info.endedAt !== null && session.info.startedAt !== null)
    })

    await t.test('output and exit code can be read after the end, while the runner lingers', async () => {
      const session = await cliscale.sessions.create({ command: 'echo', args: ['late'] })
      await within('the end', session.waitUntil('ended'))
      const terminal = session.connect()
      assert.equal(await within('the output', terminal.text()), 'late\r\n')
      assert.equal((await terminal.exited).code, 0)
    })

    await t.test('who was away when the session ended still gets its last output', async () => {
      const session = await cliscale.sessions.create({
        command: 'sh',
        args: ['-c', 'stty -echo; read line; sleep 2; echo "the tail"; exit 2'],
      })
      const first = session.connect()
      await within('ready', first.ready)
      await first.write('\n')
      await first.close()
      await within('the end', session.waitUntil('ended'))
      const second = session.connect()
      assert.match(await within('the output', second.text()), /the tail/)
      assert.equal((await second.exited).code, 2)
    })

    await t.test('a session is followed by events, without asking', async () => {
      const phases: PhaseReport[] = []
      const states: SessionState[] = []
      const session = await cliscale.sessions.create({
        command: 'sh',
        args: ['-c', 'read line'],
        onPhase: (phase) => phases.push(phase),
      })
      session.on('state', (state) => states.push(state))
      const exits: (number | null)[] = []
      session.on('exit', ({ code }) => exits.push(code))
      await within('running', session.waitUntil('running'))
      assert.equal(session.state, 'running')
      assert.equal(session.phase, null)
      const terminal = session.connect()
      await within('ready', terminal.ready)
      await terminal.write('\n')
      await within('the end', session.waitUntil('ended'))
      assert.deepEqual(exits, [0])
      assert.equal(states.at(-1), 'ended')
      assert.ok(states.includes('running') || phases.length === 0)
      const again = await cliscale.sessions.get(session.id)
      assert.deepEqual(again.info, session.info)
    })

    await t.test('waiting ends with the reason, the time or the signal', async () => {
      const failing = await cliscale.sessions.create({ command: 'no-such-program' })
      await assert.rejects(within('the failure', failing.waitUntil('running')), { code: 'COMMAND_NOT_FOUND' })
      assert.equal((await within('the end', failing.waitUntil('ended'))).exit?.code, 127)
      const session = await cliscale.sessions.create({ command: 'cat' })
      await assert.rejects(session.waitUntil('ended', { timeoutMs: 50 }), { code: 'REQUEST_TIMEOUT' })
      const controller = new AbortController()
      const waiting = session.waitUntil('ended', { signal: controller.signal })
      controller.abort()
      await assert.rejects(waiting, { code: 'ABORTED' })
      await session.kill()
      await within('the end', session.waitUntil('ended'))
      assert.equal(session.info.endReason, 'killed')
      await session.kill()
    })

    await t.test(
      'a terminal opened before the session runs is told its phases and becomes the terminal',
      async () => {
        const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', 'stty -echo; cat'] })
        const terminal = session.connect({ columns: 91 })
        await terminal.write('through\n')
        let shown = ''
        terminal.on('data', (data) => (shown += new TextDecoder().decode(data)))
        await waitFor('the answer', () => shown.includes('through'))
        assert.equal(terminal.size.columns, 91)
        await terminal.close()
        await session.kill()
      },
    )

    await t.test('a terminal needs no API key: a token and its address do', async () => {
      const session = await cliscale.sessions.create({ command: 'cat' })
      const access = await session.createToken({ role: 'observer', ttlSeconds: 30 })
      assert.equal(access.role, 'observer')
      const { connectTerminal, TokenSource } = await import('../src/index.ts')
      const terminal = connectTerminal({ tokenSource: TokenSource.literal(access) })
      assert.equal((await within('ready', terminal.ready)).role, 'observer')
      await assert.rejects(terminal.write('x'), { code: 'ROLE_REFUSED' })
      const second = connectTerminal({ tokenSource: TokenSource.literal(access) })
      await assert.rejects(within('the refusal', second.ready), (error: { cause?: { code: string } }) => {
        assert.equal(error.cause?.code, 'TOKEN_USED')
        return true
      })
      const forged = connectTerminal({ tokenSource: TokenSource.literal({ ...access, token: 'a.b.c' }) })
      await assert.rejects(within('the refusal', forged.ready), { code: 'TOKEN_INVALID' })
      await terminal.close()
      await session.kill()
    })

    await t.test('lists are read page by page or as a whole', async () => {
      const metadata = { batch: 'list', 'odd key': 'ä&=' }
      const made: string[] = []
      for (let count = 0; count < 5; count += 1) {
        made.unshift((await cliscale.sessions.create({ command: 'true', metadata })).id)
      }
      const ids: string[] = []
      for await (const session of cliscale.sessions.list({ metadata, limit: 2 })) ids.push(session.id)
      assert.deepEqual(ids, made)
      const list = cliscale.sessions.list({ metadata, limit: 3 })
      assert.equal((await list.nextPage()).length, 3)
      assert.equal(list.hasNextPage, true)
      const rest = cliscale.sessions.list({ metadata, limit: 3, cursor: String(list.cursor) })
      assert.deepEqual(
        (await rest.nextPage()).map(({ id }) => id),
        made.slice(3),
      )
      assert.equal(rest.hasNextPage, false)
      assert.deepEqual(await rest.nextPage(), [])
    })

    await t.test('lifetime and metadata change; a session that is nearly over says so', async () => {
      const session = await cliscale.sessions.create({ command: 'cat', lifetimeSeconds: 600 })
      const warnings: Date[] = []
      session.on('expiring', (at) => warnings.push(at))
      await session.extend(1_200)
      assert.ok(session.expiresAt.getTime() > Date.now() + 1_100_000)
      await session.update({ metadata: { a: '1' } })
      assert.deepEqual(session.metadata, { a: '1' })
      assert.equal(warnings.length, 0)
      await assert.rejects(session.extend(1), { code: 'VALIDATION_FAILED' })
      await session.extend(5)
      await waitFor('the warning', () => warnings.length > 0)
      assert.deepEqual(warnings, [session.expiresAt])
      assert.notEqual(session.state, 'ended')
      await within('the end', session.waitUntil('ended'))
      assert.equal(session.info.endReason, 'expired')
      await assert.rejects(session.extend(60), EndedError)
    })

    await t.test('events are read from the start or from a point, for one session and for all', async () => {
      const all: SessionEvent[] = []
      const controller = new AbortController()
      const following = (async () => {
        for await (const event of cliscale.sessions.events({ signal: controller.signal })) all.push(event)
      })()
      const session = await cliscale.sessions.create({ command: 'true' })
      const events = await within('the events', collect(session.events()))
      assert.equal(events[0]?.type, 'created')
      assert.equal(events.at(-1)?.type, 'ended')
      assert.ok(events.every((event, index) => index === 0 || event.seq > Number(events[index - 1]?.seq)))
      const afterSeq = events[0]?.seq
      assert.deepEqual(await within('the rest', collect(session.events({ afterSeq }))), events.slice(1))
      await waitFor('the same among all', () =>
        all.some((event) => event.type === 'ended' && event.sessionId === session.id),
      )
      controller.abort()
      await assert.rejects(within('the end of the stream', following), { code: 'ABORTED' })
    })

    await t.test('await using ends the session', async () => {
      let id = ''
      {
        const session = await cliscale.sessions.create({ command: 'cat' })
        id = session.id
        await session[Symbol.asyncDispose]()
        await session[Symbol.asyncDispose]()
      }
      const session = await cliscale.sessions.get(id)
      await within('the end', session.waitUntil('ended'))
    })

    await t.test('what is refused says why', async () => {
      await assert.rejects(cliscale.sessions.create({ template: 'none-such' }), {
        code: 'TEMPLATE_NOT_FOUND',
      })
      await assert.rejects(cliscale.sessions.create({ columns: 0 }), { code: 'VALIDATION_FAILED' })
      await assert.rejects(cliscale.sessions.create({ unknown: 1 } as object), { code: 'UNKNOWN_FIELD' })
      await assert.rejects(cliscale.sessions.get('ses_AAAAAAAAAAAAAAAAAAAAAA'), { code: 'SESSION_NOT_FOUND' })
      const stranger = new Cliscale({ baseUrl: server.baseUrl, apiKey: 'csk_wrong' })
      await assert.rejects(stranger.templates.list(), { code: 'API_KEY_INVALID' })
      const idempotencyKey = 'same'
      const first = await cliscale.sessions.create({ command: 'true', idempotencyKey })
      assert.equal((await cliscale.sessions.create({ command: 'true', idempotencyKey })).id, first.id)
      await assert.rejects(cliscale.sessions.create({ command: 'false', idempotencyKey }), {
        code: 'IDEMPOTENCY_MISMATCH',
      })
    })

    await t.test('templates are listed', async () => {
      const templates = await cliscale.templates.list()
      assert.ok(templates.some(({ name }) => name === 'shell'))
    })
  })
})
