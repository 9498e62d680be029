import { accessSync, constants, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { cache } from './root.mjs'
import { capture, Refusal } from './run.mjs'

const version = 'v1.8.0'
const source = `github.com/versity/versitygw/cmd/versitygw@${version}`

/** True for tests that store recordings in a bucket. */
export const needsS3Server = (file) => file.endsWith('/s3-storage.test.ts')

/**
 * Path of an S3 server: the one that S3_SERVER_PATH names, or one that is built from its Go module, once. It checks
 * signatures, as the real ones do. Fails with a sentence when there is none.
 */
export async function ensureS3Server() {
  const chosen = process.env.S3_SERVER_PATH
  if (chosen) {
    if (isExecutable(chosen)) return chosen
    throw new Refusal(`S3_SERVER_PATH names ${chosen}, which is not an executable file.`)
  }
  const folder = join(cache, 's3-server', version)
  const path = join(folder, 'versitygw')
  await withLock('s3-server', async () => {
    if (!isExecutable(path)) await buildInto(folder)
  })
  return path
}

async function buildInto(folder) {
  console.log('Building an S3 server…')
  mkdirSync(folder, { recursive: true })
  const env = { GOBIN: folder, GOFLAGS: '-trimpath', CGO_ENABLED: '0' }
  const { code, output } = await capture('go', ['install', source], { env }).catch((error) => ({
    code: 1,
    output: error.message,
  }))
  if (code === 0) return
  console.error(output.trim().split('\n').slice(-5).join('\n'))
  throw new Refusal(
    'The tests of recordings in a bucket need an S3 server and none could be built. Install Go 1.21 or newer ' +
      '(https://go.dev/dl/) or set S3_SERVER_PATH to a versitygw executable.',
  )
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
