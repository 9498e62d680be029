import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, stat } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { KeyFileError, readKeyFile, readOrCreateKeyFile } from '../../src/files/key-file.ts'
import { RunnerSecret } from '../../src/auth/runner-secret.ts'
import { Sealer } from '../../src/auth/sealer.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const random = (): Buffer => randomBytes(32)

test('a key file is made once, for its owner alone, and nothing else is left', async (t) => {
  const folder = join(await temporaryFolder(t), 'keys')
  const path = join(folder, 'seal.key')
  const first = await readOrCreateKeyFile(path, random)
  assert.deepEqual(await readOrCreateKeyFile(path, random), first)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
  assert.deepEqual(await readdir(folder), ['seal.key'])
})

test('of many starts at once exactly one makes the key and all read it', async (t) => {
  const path = join(await temporaryFolder(t), 'runner.key')
  const keys = await Promise.all(Array.from({ length: 50 }, () => readOrCreateKeyFile(path, random)))
  assert.equal(new Set(keys.map((key) => key.toString('hex'))).size, 1)
})

test('a key file that others can read is refused with what to do', async (t) => {
  const path = join(await temporaryFolder(t), 'seal.key')
  await readOrCreateKeyFile(path, random)
  for (const mode of [0o640, 0o604, 0o660]) {
    await chmod(path, mode)
    await assert.rejects(readKeyFile(path), (error: Error) => {
      assert.ok(error instanceof KeyFileError)
      assert.match(error.message, /can be read by others; run: chmod 600 /)
      return true
    })
  }
})

test('a key file that is not there is null, a folder in its place is a sentence', async (t) => {
  const folder = await temporaryFolder(t)
  assert.equal(await readKeyFile(join(folder, 'none')), null)
  await mkdir(join(folder, 'dir'), { mode: 0o700 })
  await assert.rejects(readKeyFile(join(folder, 'dir')), KeyFileError)
})

test('a key file of the wrong length is refused', async (t) => {
  const path = join(await temporaryFolder(t), 'x.key')
  await readOrCreateKeyFile(path, () => randomBytes(16))
  await assert.rejects(RunnerSecret.fromFile(path), /does not hold a runner key/)
  await assert.rejects(Sealer.fromFile(path), /does not hold a seal key/)
})

test('runners have secrets of their own, the same in every process with the key', async (t) => {
  const path = join(await temporaryFolder(t), 'runner.key')
  const [one, other] = [await RunnerSecret.fromFile(path), await RunnerSecret.fromFile(path)]
  assert.equal(one.of('run_a'), other.of('run_a'))
  assert.notEqual(one.of('run_a'), one.of('run_b'))
  assert.match(one.of('run_a'), /^[\w-]{43}$/)
})
