import { randomBytes } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What is written to see whether the data folder takes it. */
const PROBE_BYTES = 4_096

/** Something that the operator must put right before the server can start. The message is one sentence. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartError'
  }
}

/** Where a server keeps what, below its data folder. */
export interface DataPaths {
  readonly runnerKey: string
  readonly sealKey: string
  readonly signingKeys: string
  /** Recordings on their way to their storage. */
  readonly recordingSpool: string
  /** Tells commands of the running server. */
  readonly presence: string
}

/** Makes the data folder unless it is there, and makes sure that it can be written to. @throws {StartError} */
export async function prepareDataFolder(folder: string): Promise<DataPaths> {
  const probe = join(folder, `.probe-${randomBytes(6).toString('hex')}`)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // An empty file finds a place on a full disk, too.
    try {
      await writeFile(probe, Buffer.alloc(PROBE_BYTES), { flag: 'wx' })
    } finally {
      await rm(probe, { force: true })
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new StartError(
      `The data folder ${folder} cannot be written to (${code}); choose another with --data-dir.`,
      { cause: error },
    )
  }
  const keys = join(folder, 'keys')
  return {
    runnerKey: join(keys, 'runner.key'),
    sealKey: join(keys, 'seal.key'),
    signingKeys: join(keys, 'signing'),
    recordingSpool: join(folder, 'recordings', 'spool'),
    presence: join(keys, 'server.json'),
  }
}
