// The clients of the bench, many in one process, on `net`: opened, driven and counted by messages of the parent.
import { connect, type Socket } from 'node:net'
import { clientFrame, upgradeText } from './handshake.ts'

/** What the parent asks for; the answer carries the same id. */
export type LoadCommand =
  | {
      id: number
      type: 'open'
      port: number
      path: string
      count: number
      tokens: string[]
      parallel: number
    }
  | { id: number; type: 'echo'; perSecond: number; seconds: number; skip: number }
  | { id: number; type: 'pull'; size: number; bytes: number }
  | { id: number; type: 'stall'; size: number; bytes: number }
  | {
      id: number
      type: 'cycle'
      port: number
      path: string
      count: number
      tokens: string[]
      parallel: number
    }
  | { id: number; type: 'closeAll' }

type Command<T extends LoadCommand['type']> = Extract<LoadCommand, { type: T }>

interface Client {
  socket: Socket
  /** Called with each payload's first byte and length. */
  onFrame: (first: number, length: number) => void
  sentAt: number[]
}

const clients: Client[] = []
const KEYSTROKE = clientFrame(Buffer.from('0x'))

/** Opens one and resolves once the 101 is there. */
function open(options: { port: number; path: string; token: string }): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true })
    const client: Client = { socket, onFrame: () => undefined, sentAt: [] }
    let head = ''
    const onHead = (chunk: Buffer): void => {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', onHead)
      if (!head.startsWith('HTTP/1.1 101')) return reject(new Error(head.slice(0, 200)))
      const parse = parser(client)
      socket.on('data', parse)
      resolve(client)
      if (head.length > end + 4) parse(Buffer.from(head.slice(end + 4), 'latin1'))
    }
    socket.on('data', onHead)
    socket.on('error', reject)
    socket.on('end', () => reject(new Error('the socket ended')))
    socket.write(upgradeText(options.path, options.token))
  })
}

/** Follows frame headers and skips payloads. */
function parser(client: Client): (chunk: Buffer) => void {
  let rest: Buffer | null = null
  let skip = 0
  return (chunk) => {
    let at = Math.min(skip, chunk.length)
    skip -= at
    if (at === chunk.length && rest === null) return
    let bytes = chunk
    if (rest !== null) {
      bytes = Buffer.concat([rest, chunk.subarray(at)])
      rest = null
      at = 0
    }
    while (at < bytes.length) {
      const left = bytes.length - at
      const short = left < 2 ? 0 : bytes[at + 1]! & 0x7f
      const header = short < 126 ? 2 : short === 126 ? 4 : 10
      if (left < header + (short === 0 ? 0 : 1)) {
        rest = Buffer.from(bytes.subarray(at))
        return
      }
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2))
      const opcode = bytes[at]! & 15
      if (opcode === 9)
        client.socket.write(Buffer.from([0x8a, 0x80 | 1, 0, 0, 0, 0, bytes[at + header] ?? 0]))
      else client.onFrame(length === 0 ? -1 : bytes[at + header]!, length)
      const taken = Math.min(header + length, left)
      skip = header + length - taken
      at += taken
    }
  }
}

async function openMany({ port, path, count, tokens, parallel }: Command<'open'>): Promise<number> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      const token = tokens[next % tokens.length] ?? ''
      next += 1
      const client = await open({ port, path, token })
      clients.push(client)
      // The peer is there only when something came back through it.
      await roundTrip(client)
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return clients.length
}

function roundTrip(client: Client): Promise<void> {
  return new Promise((resolve) => {
    client.onFrame = () => {
      client.onFrame = () => undefined
      resolve()
    }
    client.socket.write(KEYSTROKE)
  })
}

/** Open loop: keys are struck on a fixed schedule, whether the ones before came back or not. */
async function echo({ perSecond, seconds, skip }: Command<'echo'>): Promise<number[]> {
  const typing = clients.slice(skip)
  const latencies: number[] = []
  for (const client of typing) {
    client.onFrame = () => {
      const at = client.sentAt.shift()
      if (at !== undefined) latencies.push((performance.now() - at) * 1_000)
    }
  }
  const total = typing.length * perSecond * seconds
  const interval = 1_000 / (typing.length * perSecond)
  const startedAt = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      const due = Math.min(total, Math.floor((performance.now() - startedAt) / interval))
      for (; sent < due; sent += 1) {
        const client = typing[sent % typing.length]!
        client.sentAt.push(performance.now())
        client.socket.write(KEYSTROKE)
      }
      if (sent >= total) resolve()
      else setTimeout(turn, 1)
    }
    turn()
  })
  const deadline = performance.now() + 5_000
  while (latencies.length < total && performance.now() < deadline)
    await new Promise((next) => setTimeout(next, 10))
  // The first tenth warms up.
  return latencies.slice(Math.floor(latencies.length / 10))
}

/** Lets the first client be flooded and resolves when all has come. */
function pull({ size, bytes }: Command<'pull'>): Promise<number> {
  const client = clients[0]!
  return new Promise((resolve) => {
    let got = 0
    client.onFrame = (first, length) => {
      got += length
      if (first !== 0x58) return
      client.onFrame = () => undefined
      resolve(got)
    }
    client.socket.write(clientFrame(Buffer.from(`F${JSON.stringify({ size, bytes })}`)))
  })
}

/** Lets the first client be flooded and reads nothing of it. */
function stall({ size, bytes }: Command<'stall'>): void {
  const client = clients[0]!
  client.socket.pause()
  client.socket.write(clientFrame(Buffer.from(`F${JSON.stringify({ size, bytes })}`)))
}

/** Opens, types one key, sees it and closes, again and again. Resolves with the seconds it took. */
async function cycle({ port, path, count, tokens, parallel }: Command<'cycle'>): Promise<number> {
  const startedAt = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      const token = tokens[next % tokens.length] ?? ''
      next += 1
      const client = await open({ port, path, token })
      await roundTrip(client)
      client.socket.end(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 232]))
      client.socket.on('error', () => undefined)
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return (performance.now() - startedAt) / 1_000
}

async function closeAll(): Promise<void> {
  for (const { socket } of clients) socket.destroy()
  clients.length = 0
}

async function run(command: LoadCommand): Promise<unknown> {
  switch (command.type) {
    case 'open':
      return openMany(command)
    case 'echo':
      return echo(command)
    case 'pull':
      return pull(command)
    case 'stall':
      return stall(command)
    case 'cycle':
      return cycle(command)
    case 'closeAll':
      return closeAll()
  }
}

process.on('message', (command: LoadCommand) => {
  run(command).then(
    (result) => process.send?.({ id: command.id, result }),
    (error: unknown) =>
      process.send?.({ id: command.id, error: error instanceof Error ? error.message : String(error) }),
  )
})
process.on('disconnect', () => process.exit())
process.send?.({ ready: true })
