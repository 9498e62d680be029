import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { findPort } from '../../src/server/listen.ts'
import { dataFolder, removeDataFolder } from './data-folder.ts'
import { testDatabase } from './database.ts'
import { byTcp } from './tcp-database.ts'
import { cleanEnvironment, serverCommand } from './spawn-server.ts'
import { waitFor } from './wait-for.ts'

/** A server whose output nobody can rely on. */
export interface SilentServer {
  readonly child: ChildProcess
  readonly dataDir: string
  readonly connectionString: string
  readonly internalUrl: string
  /** Resolves to its address when it serves. */
  readonly ready: () => Promise<string>
  /** Sends SIGTERM and waits. Resolves to the exit code. */
  readonly stop: () => Promise<number | null>
}

/** How {@link startSilently} starts it. */
export interface SilentOptions {
  readonly flags: readonly string[]
  readonly stdio: StdioOptions
  /** A command that runs the server, as in `['unshare', '--pid', '--fork']`; it may say `{data}` for the data folder. */
  readonly below?: readonly string[]
  /** Beside what every server of a test has. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Starts the real command with the standard streams of the test's choice, on a database of its own. */
export async function startSilently(t: TestContext, options: SilentOptions): Promise<SilentServer> {
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  const internalPort = await findPort({ host: '127.0.0.1', port: 0, option: '' })
  const own = ['--port=0', `--internal-port=${internalPort}`, '--spare-runners=0', `--data-dir=${dataDir}`]
  const below = (options.below ?? []).map((word) => word.replace('{data}', dataDir))
  const [command = '', ...args] = [...below, ...serverCommand(...own, ...options.flags)]
  const { connectionString: bySocket } = await testDatabase(t)
  const connectionString = options.below === undefined ? bySocket : await byTcp(t, bySocket)
  const base = cleanEnvironment({ DATABASE_URL: connectionString, CLISCALE_DRAIN_SECONDS: '0' })
  const env = { ...base, ...options.env }
  const child = spawn(command, args, { env, stdio: options.stdio })
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
  })
  // Seen through the process, which may have mounts of its own.
  const presence = join(`/proc/${child.pid}/root`, dataDir, 'keys/server.json')
  return {
    child,
    dataDir,
    connectionString,
    internalUrl: `http://127.0.0.1:${internalPort}`,
    ready: async () =>
      waitFor(async () => urlIn(await readFile(presence, 'utf8').catch(() => '')), {
        what: 'the note of a server that runs',
        withinMs: 120_000,
      }),
    stop: async () => {
      child.kill('SIGTERM')
      await exited
      return child.exitCode
    },
  }
}

function urlIn(note: string): string | null {
  return note === '' ? null : (JSON.parse(note) as { readonly url: string }).url
}
