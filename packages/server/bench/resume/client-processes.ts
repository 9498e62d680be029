import type { ChildProcess } from 'node:child_process'
import { end, forkNode } from '../gateway/processes.ts'
import type { ClientReport, FromClients, ToClients } from './clients.ts'

const HERE = new URL('.', import.meta.url).pathname

/** The client processes and the tokens that they ask for. */
export class ClientProcesses {
  readonly #children: readonly ChildProcess[]
  readonly #token: (sessionId: string) => Promise<string>
  #reports: ((terminals: readonly ClientReport[]) => void)[] = []
  #ready: (() => void)[] = []
  /** Tokens made so far. */
  tokens = 0

  constructor(count: number, everyMs: number, token: (sessionId: string) => Promise<string>) {
    this.#token = token
    this.#children = Array.from({ length: count }, () => forkNode(`${HERE}clients.ts`, [String(everyMs)]))
    for (const child of this.#children)
      child.on('message', (message: FromClients) => this.#onMessage(child, message))
  }

  get pids(): readonly number[] {
    return this.#children.map(({ pid }) => pid ?? 0)
  }

  /** From now on terminals connect to this gateway. */
  use(url: string): void {
    for (const child of this.#children) tell(child, { type: 'url', url })
  }

  /** Opens one terminal for each session. Resolves when all are ready. */
  async open(sessionIds: readonly string[]): Promise<void> {
    const count = this.#children.length
    await Promise.all(
      this.#children.map(async (child, at) => {
        const ready = new Promise<void>((resolve) => this.#ready.push(resolve))
        tell(child, { type: 'open', sessionIds: sessionIds.filter((_, index) => index % count === at) })
        await ready
      }),
    )
  }

  /** No more input. */
  stop(): void {
    for (const child of this.#children) tell(child, { type: 'stop' })
  }

  /** What became of all terminals so far. */
  async report(): Promise<readonly ClientReport[]> {
    const all = this.#children.map((child) => {
      const report = new Promise<readonly ClientReport[]>((resolve) => this.#reports.push(resolve))
      tell(child, { type: 'report' })
      return report
    })
    return (await Promise.all(all)).flat()
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map(end))
  }

  #onMessage(child: ChildProcess, message: FromClients): void {
    if (message.type === 'ready') this.#ready.shift()?.()
    if (message.type === 'report') this.#reports.shift()?.(message.terminals)
    if (message.type !== 'token') return
    const { id, sessionId } = message
    this.tokens += 1
    void this.#token(sessionId).then((token) => tell(child, { type: 'token', id, token }))
  }
}

function tell(child: ChildProcess, message: ToClients): void {
  if (child.connected) child.send(message)
}
