import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { UidRegistry } from '../../src/files/uid-registry.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const isGone = (owner: string): boolean => !existsSync(owner)

interface Stand {
  readonly registry: string
  readonly open: () => Promise<UidRegistry>
  /** Makes the folder of an owner. */
  readonly owner: (name: string) => Promise<string>
}

async function newStand(t: TestContext): Promise<Stand> {
  const folder = await temporaryFolder(t)
  const registry = join(folder, 'uids')
  await mkdir(registry)
  return {
    registry,
    open: () => UidRegistry.open(registry, isGone),
    owner: async (name) => {
      await mkdir(join(folder, name))
      return join(folder, name)
    },
  }
}

test('each uid is one owner’s, and named accounts are left out', async (t) => {
  const { registry, open, owner } = await newStand(t)
  const [one, other] = [await open(), await open()]
  const [a, b] = [await owner('a'), await owner('b')]
  // 0 is root's.
  assert.equal(await one.takeFirst([0, 2_100_000_001], a), 2_100_000_001)
  assert.equal(await other.takeFirst([2_100_000_001], b), null)
  assert.equal(await other.takeFirst([2_100_000_001, 2_100_000_002], b), 2_100_000_002)
  assert.equal(await one.take(2_100_000_001, a), true)
  assert.equal(await readlink(join(registry, '2100000001')), a)
})

test('a uid comes back from its owner only, and from an owner that is gone', async (t) => {
  const { registry, open, owner } = await newStand(t)
  const uids = await open()
  const [a, b] = [await owner('a'), await owner('b')]
  await uids.take(2_100_000_001, a)
  await uids.giveBack(2_100_000_001, b)
  assert.equal(await uids.take(2_100_000_001, b), false)
  await uids.giveBack(2_100_000_001, a)
  assert.equal(await uids.take(2_100_000_001, b), true)
  await rm(b, { recursive: true })
  assert.equal(await uids.take(2_100_000_001, a), true)
  await rm(a, { recursive: true })
  await open()
  assert.deepEqual(await readdir(registry), [])
})

test('of many who want a uid whose owner is gone one gets it', async (t) => {
  const { registry, open, owner } = await newStand(t)
  const uids = await open()
  const gone = await owner('gone')
  await uids.take(2_100_000_001, gone)
  await rm(gone, { recursive: true })
  const owners = await Promise.all(Array.from({ length: 20 }, (_, i) => owner(`o${i}`)))
  const got = await Promise.all(owners.map((one) => uids.take(2_100_000_001, one)))
  assert.equal(got.filter(Boolean).length, 1)
  assert.deepEqual(await readdir(registry), ['2100000001'])
  assert.equal(await readlink(join(registry, '2100000001')), owners[got.indexOf(true)])
})

test('what was being removed when its process was killed is removed later', async (t) => {
  const { registry, open } = await newStand(t)
  await symlink(join(registry, 'nowhere'), join(registry, '2100000001'))
  // Beyond the greatest process id of Linux.
  await symlink('4194305', join(registry, '2100000001.lock'))
  await open()
  await open()
  assert.deepEqual(await readdir(registry), [])
})

test('notes of earlier releases count, and other files are left alone', async (t) => {
  const { registry, open, owner } = await newStand(t)
  const [a, b] = [await owner('a'), await owner('b')]
  await writeFile(join(registry, '2100000001'), a)
  await writeFile(join(registry, '2100000002'), join(registry, 'nowhere'))
  await writeFile(join(registry, 'README'), join(registry, 'nowhere'))
  const uids = await open()
  assert.deepEqual((await readdir(registry)).sort(), ['2100000001', 'README'])
  assert.equal(await uids.take(2_100_000_001, b), false)
})
