// Two WebSockets (ws) and a copy of every message between them: what most examples do.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'

const target = Number(process.argv[2])
const http = createServer()
const server = new WebSocketServer({ server: http, perMessageDeflate: false })
server.on('connection', (client, request) => {
  const upstream = new WebSocket(`ws://127.0.0.1:${target}${request.url}`, ['cliscale.v1'], {
    perMessageDeflate: false,
  })
  const early: Buffer[] = []
  client.on('message', (data: Buffer) => {
    if (upstream.readyState === WebSocket.OPEN) upstream.send(data, { binary: true })
    else early.push(data)
  })
  upstream.on('open', () => {
    for (const data of early) upstream.send(data, { binary: true })
  })
  upstream.on('message', (data: Buffer) => client.send(data, { binary: true }))
  client.on('close', () => upstream.close())
  upstream.on('close', () => client.close())
  client.on('error', () => client.terminate())
  upstream.on('error', () => upstream.terminate())
})
http.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.send?.({ port: (http.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())
