import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { LocalStorage } from '../../src/recordings/local-storage.ts'
import { recordingKey } from '../../src/recordings/storage.ts'
import { fileWith, newKey, storageContract } from './storage.contract.ts'

async function newFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stored-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

storageContract('a local folder', async (t) => new LocalStorage(join(await newFolder(t), 'deep', 'er')))

test('stored files are private whatever they were before, and no draft stays', async (t) => {
  const folder = await newFolder(t)
  const storage = new LocalStorage(folder)
  const key = newKey()
  const file = await fileWith(t, 'x')
  await chmod(file, 0o666)
  await storage.put(key, file)
  assert.equal((await stat(join(folder, key))).mode & 0o777, 0o600)
  await assert.rejects(storage.put(newKey(), '/nowhere/at/all'))
  assert.deepEqual(await readdir(folder), [key])
})

test('no key leads out of the folder, and no link is followed', async (t) => {
  const folder = await newFolder(t)
  const storage = new LocalStorage(join(folder, 'stored'))
  await storage.check()
  await writeFile(join(folder, 'secret.cast'), 'secret')
  for (const key of ['../secret.cast', '/etc/passwd', 'a/b.cast', '..', 'x', 'a\0.cast', '.cast']) {
    await assert.rejects(storage.read(key), /not the key/, key)
    await assert.rejects(storage.remove(key), /not the key/, key)
    await assert.rejects(storage.put(key, await fileWith(t, 'x')), /not the key/, key)
  }
  for (const id of ['../x', 'ses_short', 'ses_0123456789abcdefghijk/'])
    assert.throws(() => recordingKey(id), /not the id/, id)
  const key = newKey()
  await symlink('../secret.cast', join(folder, 'stored', key))
  await assert.rejects(storage.read(key), /ELOOP/)
})
