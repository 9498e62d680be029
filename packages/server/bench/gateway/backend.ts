// The runner's end of every peer: echoes input, or floods on demand. Handwritten on `net` so that it costs little.
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { acceptText, serverFrame } from './handshake.ts'

const INPUT = 0x30
const FLOOD = 0x46
const CHUNK = 65_536

/** `F` and JSON: so many bytes in frames of so many payload bytes, then a frame `X`. */
interface Flood {
  readonly size: number
  readonly bytes: number
}

function serve(socket: Socket): void {
  let head = ''
  let rest: Buffer = Buffer.alloc(0)
  let open = false
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    if (open) return frames(chunk)
    head += chunk.toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    open = true
    socket.write(acceptText(/sec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? ''))
    const behind = Buffer.from(head.slice(end + 4), 'latin1')
    head = ''
    if (behind.length > 0) frames(behind)
  })
  socket.on('end', () => socket.end())

  function frames(chunk: Buffer): void {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (bytes.length >= 6) {
      const short = bytes[1]! & 0x7f
      const header = short < 126 ? 6 : short === 126 ? 8 : 14
      if (bytes.length < header) break
      const length =
        short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
      if (bytes.length < header + length) break
      frame(bytes[0]! & 15, unmask(bytes, header, length))
      bytes = bytes.subarray(header + length)
    }
    rest = bytes.length === 0 ? Buffer.alloc(0) : Buffer.from(bytes)
  }

  function frame(opcode: number, payload: Buffer): void {
    if (opcode === 8) return void socket.end(Buffer.from([0x88, 2, 3, 232]))
    if (opcode === 9) return void socket.write(Buffer.from([0x8a, 0]))
    if (payload[0] === INPUT) socket.write(serverFrame(payload))
    else if (payload[0] === FLOOD) flood(JSON.parse(payload.toString('utf8', 1)) as Flood)
  }

  function flood({ size, bytes }: Flood): void {
    const one = serverFrame(Buffer.alloc(size, INPUT))
    const chunk = Buffer.concat(
      Array.from({ length: Math.max(1, Math.floor(CHUNK / one.length)) }, () => one),
    )
    let sent = 0
    const more = (): void => {
      while (sent < bytes) {
        sent += chunk.length
        if (!socket.write(chunk)) return void socket.once('drain', more)
      }
      socket.write(serverFrame(Buffer.from('X')))
    }
    more()
  }
}

function unmask(bytes: Buffer, header: number, length: number): Buffer {
  const payload = Buffer.from(bytes.subarray(header, header + length))
  for (let i = 0; i < length; i += 1) payload[i] = payload[i]! ^ bytes[header - 4 + (i & 3)]!
  return payload
}

const server = createServer({ highWaterMark: CHUNK, allowHalfOpen: true }, serve)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())
