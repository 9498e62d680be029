/**
 * The program of {@link openNetwork}: inside a network of its own it answers for names and for public addresses. It tells
 * each question and each request, a line of JSON each.
 */
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

/** What it is told, as JSON in its argument. */
export interface PublicHosts {
  /** Addresses of each name: the first list for the first question, and so on; the last one stays. */
  readonly names: Readonly<Record<string, readonly (readonly string[])[]>>
  /** Where it listens, as `address:port`. */
  readonly listen: readonly (readonly [address: string, port: number])[]
  /** File that it sends for `/bundle`. */
  readonly bundle: string
}

/** A line that it tells. */
export type HostsLine =
  { readonly ready: true } | { readonly asked: string } | { readonly requested: string; readonly at: string }

const { names, listen, bundle } = JSON.parse(process.argv[2] ?? '{}') as PublicHosts

function tell(line: HostsLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

const TYPE_A = 1
const asked = new Map<string, number>()

/** Answers one question for IPv4 addresses; for all others there is nothing (RFC 1035 §4.1). */
function answer(question: Buffer): Buffer {
  let at = 12
  const labels: string[] = []
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const name = labels.join('.').toLowerCase()
  const lists = names[name] ?? []
  const wantsA = question.readUInt16BE(at + 1) === TYPE_A
  if (wantsA) tell({ asked: name })
  const count = asked.get(name) ?? 0
  if (wantsA) asked.set(name, count + 1)
  const addresses = wantsA ? (lists[Math.min(count, lists.length - 1)] ?? []) : []
  const head = Buffer.from(question.subarray(0, at + 5))
  head.writeUInt16BE(lists.length === 0 ? 0x8183 : 0x8180, 2)
  head.writeUInt16BE(addresses.length, 6)
  head.writeUInt32BE(0, 8)
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  )
  return Buffer.concat([head, ...records])
}

const dns = createSocket('udp4')
dns.on('message', (question, { port, address }) => dns.send(answer(question), port, address))
await new Promise<void>((resolve) => dns.bind(53, '127.0.0.1', resolve))

for (const [address, port] of listen) {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://host')
    tell({ requested: pathname, at: `${address}:${port}` })
    if (pathname === '/bundle') response.end(readFileSync(bundle))
    else if (pathname === '/to') response.writeHead(302, { location: searchParams.get('url') ?? '' }).end()
    else response.writeHead(pathname === '/503' ? 503 : 404).end()
  })
  await new Promise<void>((resolve) => server.listen(port, address, resolve))
}
tell({ ready: true })
