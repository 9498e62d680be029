import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { SCOPES } from '../auth/identity.ts'
import { type Config, ConfigError } from '../config/config.ts'
import { processEnvironment } from '../config/environment.ts'
import { readUidRange } from '../config/uid-range.ts'
import { createProcessDriver } from '../drivers/process/process-driver.ts'
import type { Log } from '../observability/log.ts'
import { createServer } from '../server.ts'
import { StartError } from '../server/data-folder.ts'
import { checkedConfigOf, quietLog } from './config-of.ts'
import { ignoresHangup } from './hangup.ts'
import type { CommandLine } from './main.ts'

/** From SIGHUP to SIGKILL for what sessions still run when the command has ended. */
const GRACE_MS = 500

/** What reaches the server and is meant for the command. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * `exec [options] -- command …`: runs a command beside a throwaway server on free ports, with an empty database in a
 * temporary folder. The command finds the server by `CLISCALE_URL` and `CLISCALE_API_KEY`; when it ends, sessions,
 * server and folder are removed. Resolves to the command's exit code.
 */
export async function exec({ words, options }: CommandLine): Promise<number> {
  const end = options.indexOf('--')
  const [command, ...args] = end < 0 ? [] : options.slice(end + 1)
  if (command === undefined || words.length > 0) throw new ConfigError(['Say: exec [options] -- <command>.'])
  await using folder = await temporaryFolder()
  const own = ['--port=0', '--internal-port=0', '--drain-seconds=0', `--data-dir=${folder.path}`]
  const config = await checkedConfigOf({ words: [], options: [...own, ...options.slice(0, end)] })
  const log = quietLog(config)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => endRunners(config, log))
  const server = createServer(config, log)
  stack.defer(() => server.close())
  await server.start()
  const env = {
    ...processEnvironment(),
    CLISCALE_URL: server.url,
    CLISCALE_API_KEY: await server.core.createApiKey('exec', SCOPES),
  }
  const signals = FORWARDED.filter((signal) => signal !== 'SIGHUP' || !ignoresHangup(config))
  if (ignoresHangup(config)) process.on('SIGHUP', () => undefined)
  return await runCommand(spawn(command, args, { env, stdio: 'inherit' }), { command, signals })
}

/** Passes signals on and waits. */
async function runCommand(
  child: ChildProcess,
  { command, signals }: { readonly command: string; readonly signals: readonly NodeJS.Signals[] },
): Promise<number> {
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
  for (const signal of signals) process.on(signal, forward)
  try {
    await once(child, 'exit')
  } catch (error) {
    throw new StartError(`The command ${JSON.stringify(command)} could not be started.`, { cause: error })
  } finally {
    for (const signal of signals) process.off(signal, forward)
  }
  return child.exitCode ?? 128 + constants.signals[child.signalCode ?? 'SIGTERM']
}

/** Runners outlive their server by design; here nothing may stay. */
async function endRunners(config: Config, log: Log): Promise<void> {
  const driver = await createProcessDriver({
    dataFolder: config.dataDir,
    // It starts none, so there is nothing to find out.
    isolation: 'none',
    sessionUids: config.sessionUids === null ? null : readUidRange(config.sessionUids),
    log,
  })
  const runners = await driver.list()
  await Promise.all(runners.map(({ runnerId }) => driver.stop(runnerId, { graceMs: GRACE_MS })))
  await driver.close()
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'cliscale-'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }),
  }
}
