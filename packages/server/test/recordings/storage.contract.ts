import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { recordingKey, type RecordingStorage } from '../../src/recordings/storage.ts'

const digest = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')

/** A key that nobody used. */
export function newKey(): string {
  return recordingKey(`ses_${randomBytes(16).toString('base64url')}`)
}

/** A file with `data`, gone with the test. */
export async function fileWith(t: TestContext, data: string | Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cast-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'file'), data)
  return join(folder, 'file')
}

/** All of a stored file. */
export async function contentOf(storage: RecordingStorage, key: string): Promise<Buffer | null> {
  const found = await storage.read(key)
  if (found === null) return null
  const chunks: Buffer[] = []
  for await (const chunk of found.body as AsyncIterable<Buffer>) chunks.push(chunk)
  const content = Buffer.concat(chunks)
  assert.equal(content.length, found.bytes)
  return content
}

/** What every storage must do. */
export function storageContract(
  name: string,
  newStorage: (t: TestContext) => Promise<RecordingStorage>,
): void {
  test(`${name}: what was stored can be read, measured, replaced and removed`, async (t) => {
    const storage = await newStorage(t)
    await storage.check()
    const key = newKey()
    assert.equal(await storage.read(key), null)
    assert.equal(await storage.size(key), null)
    await storage.put(key, await fileWith(t, 'first'))
    await storage.put(key, await fileWith(t, 'second, and longer'))
    assert.equal(String(await contentOf(storage, key)), 'second, and longer')
    assert.equal(await storage.size(key), 18)
    await storage.remove(key)
    await storage.remove(key)
    assert.equal(await storage.read(key), null)
  })

  test(`${name}: a large recording comes back byte for byte`, async (t) => {
    const storage = await newStorage(t)
    const key = newKey()
    const data = randomBytes(20_000_001)
    await storage.put(key, await fileWith(t, data))
    assert.equal(await storage.size(key), data.length)
    assert.equal(digest((await contentOf(storage, key)) ?? Buffer.alloc(0)), digest(data))
  })

  test(`${name}: a file that cannot be read stores nothing`, async (t) => {
    const storage = await newStorage(t)
    const key = newKey()
    await assert.rejects(storage.put(key, '/nowhere/at/all'), /ENOENT/)
    assert.equal(await storage.size(key), null)
  })
}
