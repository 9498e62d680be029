import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Longest socket address that every system takes (macOS: 104 bytes with the final zero). */
const MAX_ADDRESS_BYTES = 100

const PREFIX = 'control.'

/** Where the controller of one machine's workers listens. */
export interface ControlSocket extends AsyncDisposable {
  readonly path: string
  /** Lets nobody but this user connect; call when something listens. */
  protect(): Promise<void>
}

/** A path for the socket: in the data folder, or among the temporary files where that path is too long. */
export async function chooseControlSocket(dataDir: string): Promise<ControlSocket> {
  await removeLeftOver(dataDir)
  const inData = join(dataDir, `${PREFIX}${process.pid}`)
  const short = Buffer.byteLength(inData) <= MAX_ADDRESS_BYTES
  const path = short ? inData : join(await mkdtemp(join(tmpdir(), 'cliscale-')), 'control')
  return {
    path,
    protect: () => chmod(path, 0o600),
    [Symbol.asyncDispose]: () => rm(short ? path : dirname(path), { recursive: true, force: true }),
  }
}

/** Sockets of processes that were killed. */
async function removeLeftOver(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = /^control\.(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(dataDir, name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
