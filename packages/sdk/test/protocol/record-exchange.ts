// Records the exchanges of this version, once per release:
//   node --conditions=@cliscale/source packages/sdk/test/protocol/record-exchange.ts
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { Cliscale } from '../../src/index.ts'
import { decodeClientMessage, type HelloMessage, type TerminalAccess } from '../../src/protocol/index.ts'
import { toUtf8 } from '../../src/protocol/text.ts'
import { startServerProcess } from '../../../server/test/support/server-process.ts'
import { passTime } from './pass-time.ts'
import { Recorder } from './exchange-recorder.ts'
import {
  type ConnectionPlan,
  type ExchangeHeader,
  exchangeFile,
  formatExchange,
  toHex,
} from './recorded-exchange.ts'

type Plan = Omit<ExchangeHeader, 'version' | 'connections'>
const DRIVER: ConnectionPlan = { role: 'driver' }
const HELLO: HelloMessage = {
  type: 'hello',
  v: 1,
  client: '0123456789abcdef',
  columns: 80,
  rows: 24,
  input: 0,
}
const OTHER: HelloMessage = { ...HELLO, client: 'fedcba9876543210', columns: 100, rows: 30 }
const LINES = 'while read line; do echo "$line $(stty size)"; [ "$line" = bye ] && exit 5; done'
const GREETING = `stty -echo; printf "grüße\\033[1m\\377\\n"; ${LINES}`
const TYPED: Plan = { subprotocol: 'cliscale.v1', through: 'runner', script: GREETING, about: '' }

const cleanups: (() => unknown)[] = []
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const context = { after: (cleanup: () => unknown) => cleanups.push(cleanup) } as unknown as TestContext
// Without a spare runner a session has phases that its terminal sees.
const server = await startServerProcess(context, { flags: ['--spare-runners=0'] })
const cliscale = new Cliscale({ baseUrl: server.baseUrl, apiKey: server.apiKey })

/** Records one exchange: makes its session, lets `speak` speak, writes the file. */
async function record(
  name: string,
  { connections = [DRIVER], ...plan }: Plan & { readonly connections?: readonly ConnectionPlan[] },
  speak: (recorder: Recorder, token: () => Promise<TerminalAccess>) => Promise<void>,
): Promise<void> {
  const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', plan.script] })
  if (name !== 'life') await session.waitUntil('running')
  const given: TerminalAccess[] = []
  const recorder = new Recorder({ version, ...plan, connections }, async (connection) => {
    const { role, tokenOf } = connections[connection - 1] ?? DRIVER
    const access = given[(tokenOf ?? 0) - 1] ?? (await session.createToken({ role }))
    given[connection - 1] = access
    return access
  })
  await speak(recorder, async () => session.createToken())
  await session.kill()
  const file = exchangeFile(version, name)
  mkdirSync(new URL('.', file), { recursive: true })
  writeFileSync(file, formatExchange(recorder.header, recorder.steps))
  console.log(`${recorder.steps.length} steps in ${file.pathname}`)
}

async function recordLife(): Promise<void> {
  const about = 'From the start of a session over a cut connection to its exit.'
  await record('life', { ...TYPED, about, connections: [DRIVER, DRIVER] }, async (recorder) => {
    const first = await recorder.open()
    first.send(HELLO)
    await first.shows('\n')
    first.send({ type: 'heartbeat', data: toUtf8('1') })
    await first.got('heartbeat')
    first.send({ type: 'resize', columns: 100, rows: 30 })
    await first.got('size', ({ columns }) => columns === 100)
    first.send({ type: 'input', data: toUtf8('one\n') })
    await first.shows('one 30 100\r\n')
    await first.got('inputAck')
    const parsed = first.received.reduce((n, one) => n + (one.type === 'output' ? one.data.length : 0), 0)
    first.send({ type: 'credit', offset: parsed })
    await first.lose({ type: 'input', data: toUtf8('two\n') }, 'two 30 100\r\n')
    const second = await recorder.open()
    const resume = { epoch: first.ready.epoch, offset: parsed }
    second.send({ ...HELLO, columns: 100, rows: 30, input: 4, resume })
    await second.shows('two 30 100\r\n')
    second.send({ type: 'input', data: toUtf8('bye\n') })
    await second.closed()
  })
}

async function recordSnapshot(): Promise<void> {
  const about = 'A client comes back when the bytes that it lacks are gone, and gets the screen.'
  const script = `stty -echo; echo ready; read go; seq 1 200000; printf '\\033[H\\033[2J\\033[3Jdone'; ${LINES}`
  await record(
    'snapshot',
    { ...TYPED, about, script, connections: [DRIVER, DRIVER] },
    async (recorder, token) => {
      const first = await recorder.open()
      first.send(HELLO)
      await first.shows('ready\r\n')
      await first.leave()
      const meanwhile = { types: 'go\n', until: 'done' }
      const meaning = 'another client types "go", takes 1.5 MB of output and leaves'
      recorder.steps.push({ meanwhile, meaning })
      await passTime(meanwhile, await token())
      const second = await recorder.open()
      second.send({ ...HELLO, resume: { epoch: first.ready.epoch, offset: 7 } })
      await second.got('snapshot')
      await second.got('size', ({ driver }) => driver)
      second.send({ type: 'input', data: toUtf8('bye\n') })
      await second.closed()
    },
  )
}

async function recordHandOver(): Promise<void> {
  const about =
    'Two clients: the second takes the terminal over; what the other one types is dropped and counted.'
  await record('hand-over', { ...TYPED, about, connections: [DRIVER, DRIVER] }, async (recorder) => {
    const first = await recorder.open()
    first.send(HELLO)
    await first.shows('\n')
    const second = await recorder.open()
    second.send(OTHER)
    await second.shows('\n')
    await first.got('size', ({ clients }) => clients === 2)
    second.send({ type: 'input', data: toUtf8('x\n') })
    await second.got('inputAck')
    second.send({ type: 'drive' })
    await second.got('size', ({ driver }) => driver)
    await first.got('size', ({ driver }) => !driver)
    first.send({ type: 'input', data: toUtf8('yy\n') })
    await first.got('inputAck')
    second.send({ type: 'input', data: toUtf8('bye\n') })
    await Promise.all([first.closed(), second.closed()])
  })
}

async function recordObserver(): Promise<void> {
  const about = 'An observer: what it types is dropped, and it is refused when it asks to drive.'
  const connections = [DRIVER, { role: 'observer' }] as const
  await record('observer', { ...TYPED, about, through: 'gateway', connections }, async (recorder) => {
    const driver = await recorder.open()
    driver.send(HELLO)
    await driver.shows('\n')
    const observer = await recorder.open()
    observer.send(OTHER)
    await observer.shows('\n')
    await driver.got('size', ({ clients }) => clients === 2)
    observer.send({ type: 'input', data: toUtf8('x\n') })
    observer.send({ type: 'drive' })
    await observer.closed()
    driver.send({ type: 'input', data: toUtf8('bye\n') })
    await driver.closed()
  })
}

async function recordRefusals(): Promise<void> {
  const used = [DRIVER, { role: 'driver', tokenOf: 1 }] as const
  const again = 'A token is good for one connection.'
  await record(
    'used-token',
    { ...TYPED, about: again, through: 'gateway', connections: used },
    async (recorder) => {
      const first = await recorder.open()
      first.send(HELLO)
      await first.shows('\n')
      const second = await recorder.open()
      await second.closed()
      await first.leave()
    },
  )
  await record(
    'unknown-version',
    { ...TYPED, about: 'A client of a protocol to come.' },
    async (recorder) => {
      const client = await recorder.open()
      client.send({ ...HELLO, v: 2 })
      await client.closed()
    },
  )
  await record(
    'too-much-credit',
    { ...TYPED, about: 'Credit for what was never sent.' },
    async (recorder) => {
      const client = await recorder.open()
      client.send(HELLO)
      await client.shows('\n')
      client.send({ type: 'credit', offset: 1_000 })
      await client.closed()
    },
  )
}

async function recordTty(): Promise<void> {
  const about = "A client of ttyd 1.7.7, on that program's subprotocol."
  await record('tty', { ...TYPED, about, subprotocol: 'tty' }, async (recorder) => {
    const client = await recorder.open()
    // ttyd's page says hello like this.
    const hello = toUtf8('{"AuthToken":"","columns":80,"rows":24}')
    client.send(decodeClientMessage(hello), toHex(hello))
    await client.shows('\n')
    client.send({ type: 'pause' })
    client.send({ type: 'resume' })
    client.send({ type: 'resize', columns: 90, rows: 20 })
    client.send({ type: 'input', data: toUtf8('bye\n') })
    await client.closed()
  })
}

try {
  await recordLife()
  await recordSnapshot()
  await recordHandOver()
  await recordObserver()
  await recordRefusals()
  await recordTty()
} finally {
  for (const cleanup of cleanups) await cleanup()
}
