// http-proxy-3, the maintained successor of http-proxy, used by Vite and configurable-http-proxy.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxyServer } from 'http-proxy-3'

const proxy = createProxyServer({ target: `http://127.0.0.1:${process.argv[2]}`, ws: true })
proxy.on('error', () => undefined)
const server = createServer()
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => undefined)
  proxy.ws(request, socket, head)
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())
