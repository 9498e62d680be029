import assert from 'node:assert/strict'
import { test } from 'node:test'
import { injectedVariables } from '../../src/config/kubernetes.ts'
import { OPTIONS, type OptionRow } from '../../src/config/options.ts'
import { parseConfig } from '../../src/config/parse.ts'

const rows: readonly (readonly [string, OptionRow])[] = Object.entries(OPTIONS)

/** What the kubelet sets for a Service with one named port, and for one without a name. */
function variablesOf(service: string, address = '10.96.0.7'): Record<string, string> {
  const prefix = service.toUpperCase().replaceAll('-', '_')
  const shown = address.includes(':') ? `[${address}]` : address
  return {
    [`${prefix}_SERVICE_HOST`]: address,
    [`${prefix}_SERVICE_PORT`]: '7680',
    [`${prefix}_SERVICE_PORT_HTTP`]: '7680',
    [`${prefix}_PORT`]: `tcp://${shown}:7680`,
    [`${prefix}_PORT_7680_TCP`]: `tcp://${shown}:7680`,
    [`${prefix}_PORT_7680_TCP_PROTO`]: 'tcp',
    [`${prefix}_PORT_7680_TCP_PORT`]: '7680',
    [`${prefix}_PORT_7680_TCP_ADDR`]: address,
  }
}

/** Every Service one of whose variables has the name of an option: that name without what Kubernetes puts behind. */
function collidingServices(): readonly string[] {
  const endings = Object.keys(variablesOf('x')).map((name) => name.slice(1))
  const prefixes = rows.flatMap(([, { env }]) =>
    endings.filter((ending) => env.endsWith(ending)).map((ending) => env.slice(0, -ending.length)),
  )
  return [...new Set(prefixes)].map((prefix) => prefix.toLowerCase().replaceAll('_', '-'))
}

test('Services that collide with options change nothing, and each variable that is not read is named', () => {
  const services = collidingServices()
  assert.ok(services.includes('cliscale') && services.includes('cliscale-internal'), services.join())
  const plain = parseConfig([], { HOME: '/home/ada' })
  for (const service of services)
    for (const address of ['10.96.0.7', 'fd00::7']) {
      const env = { HOME: '/home/ada', ...variablesOf(service, address) }
      assert.deepEqual(parseConfig([], env), plain, service)
      const named = injectedVariables(env)
      assert.deepEqual([named.length, named[0]?.service], [1, service])
    }
})

test('Services of every other name that begins as an option does change nothing either', () => {
  const plain = parseConfig([], { HOME: '/home/ada' })
  for (const [, { env: name }] of rows) {
    const service = name.toLowerCase().replaceAll('_', '-')
    assert.deepEqual(parseConfig([], { HOME: '/home/ada', ...variablesOf(service) }), plain, service)
  }
})

test('what an operator wrote into such a variable is read, and refused if it is wrong', () => {
  assert.equal(parseConfig([], { CLISCALE_PORT: '8000' }).port, 8_000)
  assert.throws(() => parseConfig([], { CLISCALE_PORT: '8000/tcp' }), /CLISCALE_PORT must be a whole number/)
  assert.throws(() => parseConfig(['--port=tcp://10.96.0.7:7680'], {}), /--port must be a whole number/)
})
