// @fastify/http-proxy with its WebSocket support.
import type { AddressInfo } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import { fastify } from 'fastify'

const app = fastify()
await app.register(httpProxy, {
  upstream: `http://127.0.0.1:${process.argv[2]}`,
  websocket: true,
  wsServerOptions: { perMessageDeflate: false },
  wsClientOptions: { perMessageDeflate: false },
})
await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port: (app.server.address() as AddressInfo).port })
process.on('disconnect', () => process.exit())
