import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { pause } from './measure.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/** Flags of every Node process of the bench. */
const NODE_FLAGS = ['--conditions=@cliscale/source', '--expose-gc', '--no-warnings']

/** A file of this folder, or another one, as a child with a channel. */
export function forkNode(
  file: string,
  args: readonly string[],
  options: { flags?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  return fork(file.startsWith('/') ? file : `${HERE}${file}`, [...args], {
    execArgv: [...NODE_FLAGS, ...(options.flags ?? []), '--import', `${HERE}agent.ts`],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    ...(options.env ? { env: options.env } : {}),
  })
}

/** The port that a child reports. */
export async function portOf(child: ChildProcess): Promise<number> {
  const signal = AbortSignal.timeout(20_000)
  for (;;) {
    const [message] = (await once(child, 'message', { signal })) as [{ port?: number }]
    if (typeof message.port === 'number') return message.port
  }
}

/** Collects garbage in a child that loaded the agent. */
export async function collect(child: ChildProcess): Promise<void> {
  child.send('gc')
  for (;;) {
    const [message] = (await once(child, 'message')) as [unknown]
    if (message === 'collected') return
  }
}

/** A program that is no Node. */
export function spawnProgram(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, [...args], { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** Ends a child and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  // A Node child of the bench ends when its channel does; other programs take the signal.
  if (child.connected) child.disconnect()
  else child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await gone
  clearTimeout(timer)
}

/**
 * A port for programs that cannot choose one: it was free a moment ago, and lies below those that the system gives to
 * connections and to whoever asks for any.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** Waits until something listens. */
export async function listening(port: number): Promise<void> {
  for (let i = 0; i < 400; i += 1) {
    const socket = connect({ port, host: '127.0.0.1' })
    const up = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (up) return
    await pause(25)
  }
  throw new Error(`nothing listens on ${port}`)
}
