import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { waitFor } from '../support/wait-for.ts'

/** A real S3 server with one bucket, in a process of its own. */
export interface S3Server {
  readonly endpoint: string
  readonly bucket: string
  /** What lies in the bucket is also a file below this folder. */
  readonly folder: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** Nobody can connect until {@link S3Server.restore}. */
  interrupt(): Promise<void>
  /** At the same address as before. */
  restore(): Promise<void>
}

const BUILT = fileURLToPath(new URL('../../../../.cache/s3-server/v1.8.0/versitygw', import.meta.url))

/** Starts it on a socket of its own, and a port that leads there. Both are gone with the test. */
export async function startS3Server(t: TestContext): Promise<S3Server> {
  const program = process.env.S3_SERVER_PATH ?? BUILT
  accessSync(program, constants.X_OK)
  const home = await mkdtemp(join(tmpdir(), 's3-'))
  const bucket = 'recordings'
  const folder = join(home, 'objects')
  await mkdir(join(folder, bucket), { recursive: true })
  await mkdir(join(home, 'meta'))
  const credentials = {
    accessKeyId: randomBytes(10).toString('hex'),
    secretAccessKey: randomBytes(20).toString('hex'),
  }
  const socket = join(home, 's')
  const child = spawn(
    program,
    ['--quiet', '--port', socket, 'posix', '--sidecar', join(home, 'meta'), folder],
    {
      env: {
        ROOT_ACCESS_KEY_ID: credentials.accessKeyId,
        ROOT_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const door = new Door(socket)
  t.after(async () => {
    await door.close()
    if (child.exitCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await rm(home, { recursive: true, force: true })
  })
  await waitFor(
    () => {
      if (child.exitCode !== null) throw new Error(`the S3 server ended: ${said}`)
      return canConnect(socket)
    },
    { what: 'the S3 server to listen' },
  )
  const port = await door.open()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    folder: join(folder, bucket),
    credentials,
    interrupt: () => door.close(),
    restore: async () => void (await door.open(port)),
  }
}

/** A port that leads to a Unix socket, so that no fixed port is needed, and that can be shut. */
class Door {
  readonly #to: string
  readonly #sockets = new Set<Socket>()
  #server = createServer()

  constructor(to: string) {
    this.#to = to
  }

  async open(port = 0): Promise<number> {
    this.#server = createServer((client) => {
      const server = connect(this.#to)
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(one)
        one.on('error', () => other.destroy())
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
        one.pipe(other)
      }
    }).listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

async function canConnect(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
