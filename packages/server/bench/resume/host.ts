// Many of the runner's terminal servers in one process: the real class, ring and resume; a numbered stream stands for
// the program. One Unix socket for all; the header that names the runner tells them apart.
import { createServer } from 'node:http'
import { RUNNER_ID_HEADER } from '@cliscale/sdk/protocol'
import { webSockets } from '../../../runner/src/port.ts'
import { TerminalServer } from '../../../runner/src/terminal/server.ts'
import { Terminal } from '../../../runner/src/terminal/terminal.ts'
import { line, type Seen, Watch } from './numbers.ts'

/** What a host says of one of its terminals. */
export interface Hosted {
  readonly runnerId: string
  /** Bytes of output so far. */
  readonly emitted: number
  readonly input: Seen
}

const [socketPath = '', everyMs = '1000'] = process.argv.slice(2)
const SIZE = { columns: 80, rows: 24, ringBytes: 1_048_576, scrollbackLines: 1_000 }

class HostedTerminal {
  readonly server: TerminalServer = new TerminalServer({ left: () => undefined })
  readonly #input = new Watch()
  readonly #terminal: Terminal
  #number = 0

  constructor() {
    const { server } = this
    const changed = (): void => {
      server.flush()
      server.announce()
    }
    const output = (): void => server.flush()
    const nothing = (): void => undefined
    this.#terminal = new Terminal(SIZE, { output, resized: changed, exited: nothing, activity: nothing })
    Object.defineProperty(this.#terminal, 'started', { get: () => true })
    Object.defineProperty(this.#terminal, 'type', {
      value: (data: Uint8Array, written: () => void) => {
        this.#input.add(data)
        written()
      },
    })
    server.open(this.#terminal, 'numbers')
  }

  /** Puts out the next line. */
  next(): void {
    this.#terminal.print(line(this.#number))
    this.#number += 1
  }

  report(runnerId: string): Hosted {
    return { runnerId, emitted: this.#terminal.history.ring.head, input: this.#input.seen }
  }
}

const terminals = new Map<string, HostedTerminal>()
const sockets = await webSockets()
const server = createServer()
server.on('upgrade', (request, socket, head) => {
  const runnerId = String(request.headers[RUNNER_ID_HEADER])
  const terminal = terminals.get(runnerId) ?? new HostedTerminal()
  terminals.set(runnerId, terminal)
  sockets.handleUpgrade(request, socket, head, (webSocket) =>
    terminal.server.accept(webSocket, {
      stream: socket,
      protocol: 'cliscale.v1',
      role: 'driver',
      requestId: 'bench',
    }),
  )
})
server.listen({ path: socketPath, backlog: 4_096 }, () => process.send?.('up'))

/** A little of all terminals at a time, so that their lines do not come in one burst. */
const SLICES = 20
let slice = 0
const timer = setInterval(
  () => {
    slice = (slice + 1) % SLICES
    let at = 0
    for (const terminal of terminals.values()) if (at++ % SLICES === slice) terminal.next()
  },
  Number(everyMs) / SLICES,
)

process.on('message', (message) => {
  if (message === 'stop') clearInterval(timer)
  if (message === 'report')
    process.send?.(Array.from(terminals, ([runnerId, terminal]) => terminal.report(runnerId)))
})
process.on('disconnect', () => process.exit())
