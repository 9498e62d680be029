import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '../support/wait-for.ts'
import { joined } from './support/joined.ts'
import { connectTerminal } from './support/terminal-client.ts'

test('the metrics tell what happened: traffic, refusals, drops, closes, and name no session', async (t) => {
  const {
    gateway,
    sessionId,
    client,
    connection: { socket, received },
  } = await joined(t)
  client.send({ type: 'input', data: Buffer.from('abc') })
  client.socket.send(Buffer.alloc(0))
  client.send({ type: 'input', data: Buffer.from('def') })
  socket.send(Buffer.from('0output'))
  await client.got('output')
  await waitFor(() => received.length === 2, { what: 'both inputs' })
  const open = await gateway.metrics.metrics()
  const expected = [
    'cliscale_gateway_connections{role="driver"} 1',
    'cliscale_gateway_connections{role="observer"} 0',
    'cliscale_gateway_upgrades_total{result="ok",reason=""} 1',
    'cliscale_gateway_dials_total{result="ok"} 1',
    'cliscale_gateway_upgrade_duration_seconds_count{phase="verify"} 1',
    'cliscale_gateway_upgrade_duration_seconds_count{phase="redeem"} 1',
    'cliscale_gateway_upgrade_duration_seconds_count{phase="dial"} 1',
    'cliscale_gateway_upgrade_duration_seconds_count{phase="handshake"} 1',
    'cliscale_gateway_upgrade_duration_seconds_count{phase="total"} 1',
    // Two inputs of six header bytes and four of payload, and an empty frame of six.
    'cliscale_gateway_bytes_total{direction="in"} 26',
    'cliscale_gateway_bytes_total{direction="out"} 9',
    'cliscale_gateway_frames_total{direction="in",opcode="binary"} 3',
    'cliscale_gateway_frames_total{direction="out",opcode="binary"} 1',
    'cliscale_gateway_frames_dropped_total{reason="empty"} 1',
    'cliscale_gateway_draining 0',
  ]
  for (const line of expected) assert.ok(open.includes(`\n${line}\n`), `${line} is missing in\n${open}`)
  await connectTerminal(t, gateway.url(sessionId), { token: 'nonsense' }).over()
  socket.close(1000)
  await client.over()
  await waitFor(() => gateway.gateway.connections === 0, { what: 'nobody' })
  const closed = await gateway.metrics.metrics()
  assert.match(closed, /cliscale_gateway_upgrades_total\{result="rejected",reason="token_invalid"\} 1/)
  assert.match(closed, /cliscale_gateway_closed_total\{side="runner",code="1000"\} 1/)
  assert.match(closed, /cliscale_gateway_connection_duration_seconds_count 1/)
  assert.ok(!closed.includes(sessionId))
})
