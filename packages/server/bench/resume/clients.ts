// Many terminals of the real SDK in one process. The bench mints their tokens, as an app's server does.
import { Terminal, TokenSource } from '@cliscale/sdk'
import { line, LINE_BYTES, type Seen, Watch } from './numbers.ts'

/** What a client process is told. */
export type ToClients =
  | { readonly type: 'url'; readonly url: string }
  | { readonly type: 'open'; readonly sessionIds: readonly string[] }
  | { readonly type: 'token'; readonly id: number; readonly token: string }
  | { readonly type: 'stop' | 'report' }

/** One connection that was lost, and how the terminal came back. */
export interface Outage {
  readonly lostAt: number
  /** Code of the error that the state told. */
  readonly code: string
  /** 0: not yet. */
  readonly resumedAt: number
  readonly mode: string
  /** Attempts that it took. */
  readonly attempts: number
}

/** What became of one terminal. */
export interface ClientReport {
  readonly sessionId: string
  readonly received: Seen
  /** Bytes typed. */
  readonly sent: number
  readonly outages: readonly Outage[]
  /** Codes of error events. */
  readonly errors: readonly string[]
}

/** What a client process says. */
export type FromClients =
  | { readonly type: 'token'; readonly id: number; readonly sessionId: string }
  | { readonly type: 'ready' }
  | { readonly type: 'report'; readonly terminals: readonly ClientReport[] }

/** Terminals that connect at one time at first. */
const AT_ONCE = 32
const SLICES = 20

const everyMs = Number(process.argv[2] ?? 1_000)
const tokens = new Map<number, (token: string) => void>()
const clients: Client[] = []
let url = ''
let asked = 0

function say(message: FromClients): void {
  process.send?.(message)
}

class Client {
  readonly sessionId: string
  readonly terminal: Terminal
  readonly #received = new Watch()
  readonly #outages: Outage[] = []
  readonly #errors: string[] = []
  #sent = 0

  constructor(sessionId: string) {
    this.sessionId = sessionId
    this.terminal = new Terminal({ tokenSource: TokenSource.custom(() => this.#token()) })
    this.terminal.on('data', (data) => this.#received.add(data))
    this.terminal.on('error', ({ code }) => this.#errors.push(code))
    this.terminal.on('state', (state, { error }) => {
      if (state === 'reconnecting' && error !== undefined) this.#lost(error.code)
    })
    this.terminal.on('ready', ({ mode }) => {
      const outage = this.#outages.at(-1)
      if (outage?.resumedAt === 0) this.#outages.splice(-1, 1, { ...outage, resumedAt: Date.now(), mode })
    })
  }

  type(): void {
    void this.terminal.write(line(this.#sent / LINE_BYTES))
    this.#sent += LINE_BYTES
  }

  report(): ClientReport {
    const [outages, errors] = [this.#outages, this.#errors]
    return { sessionId: this.sessionId, received: this.#received.seen, sent: this.#sent, outages, errors }
  }

  #lost(code: string): void {
    const outage = this.#outages.at(-1)
    if (outage?.resumedAt === 0) this.#outages.splice(-1, 1, { ...outage, attempts: outage.attempts + 1 })
    else this.#outages.push({ lostAt: Date.now(), code, resumedAt: 0, mode: '', attempts: 1 })
  }

  async #token(): Promise<{ token: string; url: string }> {
    asked += 1
    const id = asked
    const token = await new Promise<string>((resolve) => {
      tokens.set(id, resolve)
      say({ type: 'token', id, sessionId: this.sessionId })
    })
    return { token, url: `${url}/v1/sessions/${this.sessionId}/terminal` }
  }
}

async function open(sessionIds: readonly string[]): Promise<void> {
  const waiting = sessionIds.values()
  const lane = async (): Promise<void> => {
    for (const sessionId of waiting) {
      const client = new Client(sessionId)
      client.terminal.connect()
      await client.terminal.ready
      clients.push(client)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  say({ type: 'ready' })
}

let slice = 0
const timer = setInterval(() => {
  slice = (slice + 1) % SLICES
  for (let at = slice; at < clients.length; at += SLICES) clients[at]?.type()
}, everyMs / SLICES)

process.on('message', (message: ToClients) => {
  if (message.type === 'url') url = message.url
  else if (message.type === 'open') void open(message.sessionIds)
  else if (message.type === 'token') {
    tokens.get(message.id)?.(message.token)
    tokens.delete(message.id)
  } else if (message.type === 'stop') clearInterval(timer)
  else say({ type: 'report', terminals: clients.map((client) => client.report()) })
})
process.on('disconnect', () => process.exit())
