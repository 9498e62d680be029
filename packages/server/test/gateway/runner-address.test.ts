import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunnerAddresses } from '../../src/gateway/runner-address.ts'

test('only Unix sockets below the folder of runners may be dialled', () => {
  const addresses = new RunnerAddresses({ unixFolder: '/run/cliscale', networks: [] })
  assert.deepEqual(addresses.target('unix:/run/cliscale/run_1/s'), {
    kind: 'unix',
    path: '/run/cliscale/run_1/s',
  })
  const refused = [
    'unix:/run/cliscale',
    'unix:/run/cliscale-other/s',
    'unix:/run/cliscale/../docker.sock',
    'unix:/run/cliscale//s',
    'unix:run/cliscale/s',
    'unix:/run/cliscale/\0s',
    `unix:/run/cliscale/${'x'.repeat(100)}`,
    'tcp:10.0.0.1:7681',
    'http://10.0.0.1/',
    '',
  ]
  for (const address of refused) assert.equal(addresses.target(address), null, address)
})

test('only addresses in the networks of runners may be dialled, and they must be literal', () => {
  const addresses = new RunnerAddresses({ unixFolder: null, networks: ['10.4.0.0/14', 'fd12::/64'] })
  assert.deepEqual(addresses.target('tcp:10.5.1.2:7681'), { kind: 'tcp', host: '10.5.1.2', port: 7681 })
  assert.deepEqual(addresses.target('tcp:[fd12::5]:7681'), { kind: 'tcp', host: 'fd12::5', port: 7681 })
  const refused = [
    'tcp:10.8.0.1:7681',
    'tcp:localhost:7681',
    'tcp:10.5.1.2',
    'tcp:10.5.1.2:0',
    'tcp:10.5.1.2:65536',
    'tcp:10.5.1.02:80',
    'tcp:[fd13::5]:7681',
    'tcp:[::ffff:169.254.169.254]:80',
    'unix:/run/s',
  ]
  for (const address of refused) assert.equal(addresses.target(address), null, address)
})

test('loopback, link-local and metadata addresses need a network that names them', () => {
  const all = new RunnerAddresses({ unixFolder: null, networks: ['0.0.0.0/0', '::/0'] })
  for (const host of ['127.0.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1', '[::1]', '[fe80::1]']) {
    assert.equal(all.target(`tcp:${host}:7681`), null, host)
  }
  assert.notEqual(all.target('tcp:192.0.2.1:7681'), null)
  const local = new RunnerAddresses({ unixFolder: null, networks: ['127.0.0.0/8'] })
  assert.notEqual(local.target('tcp:127.0.0.1:7681'), null)
  assert.equal(local.target('tcp:169.254.169.254:80'), null)
})

test('a network that is none is refused at start', () => {
  for (const network of ['10.0.0.0', 'ten/8', '10.0.0.0/x', '']) {
    assert.throws(() => new RunnerAddresses({ unixFolder: null, networks: [network] }), /is not a network/)
  }
})
