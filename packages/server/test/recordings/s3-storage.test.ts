import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { S3Storage } from '../../src/recordings/s3-storage.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { backwards } from '../support/backwards.ts'
import { testDatabase } from '../support/database.ts'
import { type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  completeness,
  createRecorded,
  fetchRecording,
  finished,
  outputOf,
  sessionOf,
} from './recorded-session.ts'
import { type S3Server, startS3Server } from './s3-server.ts'
import { fileWith, newKey, storageContract } from './storage.contract.ts'

/** The client's own chain finds credentials in the environment, as in production. */
function withCredentials(t: TestContext, { accessKeyId, secretAccessKey }: S3Server['credentials']): void {
  const given = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
  for (const [name, value] of Object.entries(given)) {
    const before = process.env[name]
    process.env[name] = value
    t.after(() => {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    })
  }
}

async function newStorage(t: TestContext, prefix = ''): Promise<{ storage: S3Storage; s3: S3Server }> {
  const s3 = await startS3Server(t)
  withCredentials(t, s3.credentials)
  const { bucket, endpoint } = s3
  const storage = new S3Storage({ bucket, prefix, endpoint, pathStyle: true })
  t.after(() => storage.close())
  return { storage, s3 }
}

storageContract('a bucket', async (t) => (await newStorage(t)).storage)

test('keys stand below the prefix', async (t) => {
  const { storage, s3 } = await newStorage(t, 'some/where/')
  const key = newKey()
  await storage.put(key, await fileWith(t, 'x'))
  assert.equal(await readFile(join(s3.folder, 'some/where', key), 'utf8'), 'x')
})

test('a wrong key, a bucket that is not there and a store that is away are errors, not absence', async (t) => {
  const { storage, s3 } = await newStorage(t)
  const { endpoint } = s3
  const other = new S3Storage({ bucket: 'another', prefix: '', endpoint, pathStyle: true })
  await assert.rejects(other.check())
  await assert.rejects(other.put(newKey(), await fileWith(t, 'x')))
  process.env.AWS_SECRET_ACCESS_KEY = 'wrong'
  const intruder = new S3Storage({ bucket: s3.bucket, prefix: '', endpoint, pathStyle: true })
  await assert.rejects(intruder.read(newKey()), /[Ss]ignature/)
  await s3.interrupt()
  await assert.rejects(storage.read(newKey()))
  other.close()
  intruder.close()
})

async function serverWith(t: TestContext, s3: S3Server, dataDir: string): Promise<SpawnedServer> {
  const cleanup = backwards(t)
  const { connectionString } = await testDatabase(cleanup)
  return spawnServer(cleanup, {
    dataDir,
    flags: [
      '--spare-runners=0',
      `--recordings=s3://${s3.bucket}/casts`,
      `--s3-endpoint=${s3.endpoint}`,
      '--s3-path-style',
    ],
    env: {
      DATABASE_URL: connectionString,
      AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    },
  })
}

test('recordings go to a bucket, wait for one that is away, and come back from there', async (t) => {
  const dataDir = await dataFolder()
  const s3 = await startS3Server(t)
  const server = await serverWith(t, s3, dataDir)
  t.after(() => removeDataFolder(dataDir))
  const first = await createRecorded(server, { command: 'seq', args: ['1000'] })
  const { recording } = await finished(server, first.session.id)
  assert.equal(recording?.state, 'stored')
  const object = join(s3.folder, 'casts', `${first.session.id}.cast`)
  assert.equal((await stat(object)).size, recording.bytes)
  const got = await fetchRecording(server, first.session.id)
  assert.deepEqual([got.status, completeness(got)], [200, 'complete'])
  assert.equal(got.headers.get('content-length'), String(recording.bytes))
  assert.match(outputOf(got.text), /999\r\n1000\r\n$/)
  const recordings = join(dataDir, 'recordings')
  // It is told to be stored a moment before its files go.
  await waitFor(
    async () => !(await readdir(recordings, { recursive: true })).some((name) => name.endsWith('.cast')),
    { what: 'the files here to go' },
  )

  await s3.interrupt()
  assert.equal((await fetchRecording(server, first.session.id)).status, 503)
  const second = await createRecorded(server, { command: 'echo', args: ['kept'] })
  await waitFor(async () => (await sessionOf(server, second.session.id)).state === 'ended', {
    what: 'the second session to end',
  })
  await waitFor(() => server.output().includes('a recording could not be stored'), {
    what: 'the storage to fail',
  })
  assert.match(outputOf((await fetchRecording(server, second.session.id)).text), /kept/)
  await s3.restore()
  assert.equal((await finished(server, second.session.id)).recording?.state, 'stored')
  assert.match(outputOf((await fetchRecording(server, second.session.id)).text), /kept/)

  assert.equal((await fetchRecording(server, first.session.id, 'DELETE')).status, 204)
  await assert.rejects(stat(object), /ENOENT/)
  const secret = s3.credentials.secretAccessKey
  assert.ok(!server.output().includes(secret), 'no secret is logged')
})
