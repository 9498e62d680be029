import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import { spawnServer } from '../support/spawn-server.ts'

/** A zone that no file needs to describe. */
const ZONE = 'XYZ-3'

const ASK = [
  'echo "user=$USER logname=$LOGNAME home=$HOME"',
  // For a uid without a name id prints the number, and fails.
  'echo "id=$(id -un >/dev/null 2>&1 && id -un || echo none) whoami=$(whoami 2>/dev/null || echo none)"',
  'echo "zone=$TZ shown=$(date +%Z)"',
].join('; ')

/** What sessions of a shipped server are told of their account and their time. */
async function openStand(
  t: TestContext,
  isolation: 'none' | 'bubblewrap',
): Promise<(env?: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, string>>>> {
  const flags = [`--isolation=${isolation}`, '--spare-runners=0']
  const { baseUrl, apiKey } = await spawnServer(t, { flags, env: { TZ: ZONE } })
  const client = new Cliscale({ baseUrl, apiKey })
  return async (env = {}) => {
    const session = await client.sessions.create({ command: 'sh', args: ['-c', ASK], env })
    const text = await session.connect().text()
    return Object.fromEntries(
      [...text.matchAll(/(\w+)=(\S*)/g)].map(([, name = '', value = '']) => [name, value]),
    )
  }
}

test('in a sandbox USER, LOGNAME, id and whoami name one account, and the clock is the server’s', async (t) => {
  const ask = await openStand(t, 'bubblewrap')
  assert.deepEqual(await ask(), {
    user: 'user',
    logname: 'user',
    home: '/home/user',
    id: 'user',
    whoami: 'user',
    zone: ZONE,
    shown: 'XYZ',
  })
})

test('without a sandbox USER is the account’s name where it has one; a session may choose otherwise', async (t) => {
  const ask = await openStand(t, 'none')
  const { user, logname, id, whoami, zone, shown } = await ask()
  // Started by root, a server gives sessions uids that have no name.
  assert.deepEqual([user, logname], id === 'none' ? ['user', 'user'] : [id, id])
  assert.equal(whoami, id)
  assert.deepEqual([zone, shown], [ZONE, 'XYZ'])
  const own = await ask({ USER: 'ada', LOGNAME: 'ada', TZ: 'ABC-1' })
  assert.deepEqual([own.user, own.logname, own.zone, own.shown], ['ada', 'ada', 'ABC-1', 'ABC'])
})
