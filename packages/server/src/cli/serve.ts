import type { Config } from '../config/config.ts'
import { changedOptions } from '../config/describe.ts'
import { processEnvironment } from '../config/environment.ts'
import { injectedVariables } from '../config/kubernetes.ts'
import { type Log, standardOutput } from '../observability/log.ts'
import { type CliscaleServer, createSupervisedServer } from '../server.ts'
import { tellBudget } from '../server/descriptors.ts'
import { packageVersion } from '../server/package.ts'
import { checkedConfigOf, logOf } from './config-of.ts'
import { ignoresHangup } from './hangup.ts'
import type { CommandLine } from './main.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** One Ctrl-C may arrive twice, from the terminal and from npm; a later one means it. */
const IMPATIENT_AFTER_MS = 1_000

/** Starts the server and runs until a signal. */
export async function serve(line: CommandLine): Promise<number> {
  const config = await checkedConfigOf(line)
  const log = logOf(config)
  log.info({ version: packageVersion(), mode: config.mode, options: changedOptions(config) }, 'Starting')
  for (const { name, value, service } of injectedVariables(processEnvironment()))
    log.warn(
      { name, value },
      `This variable speaks of the Kubernetes Service ${service}; it is not read as an option`,
    )
  tellBudget(config, log)
  const server = createSupervisedServer(config, log)
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'The server failed unexpectedly')
    process.exit(1)
  })
  const ignoreHangup = ignoresHangup(config)
  const stopped = whenStopped(server, { log, ignoreHangup })
  try {
    await server.start()
  } catch (error) {
    if (stopped.asked) return 0
    throw error
  }
  log.info({ url: server.url, internalUrl: server.internalUrl }, 'Ready')
  await welcome(config, server, log)
  await stopped.promise
  return 0
}

interface Stop {
  readonly asked: boolean
  readonly promise: Promise<void>
}

interface StopOptions {
  readonly log: Log
  /** True when the end of the terminal is none of the server. */
  readonly ignoreHangup: boolean
}

/** Closes the server on the first signal; a second one that is meant ends the process at once. */
function whenStopped(server: CliscaleServer, options: StopOptions): Stop {
  const { log, ignoreHangup } = options
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let askedAt: number | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    if (askedAt === undefined) {
      askedAt = performance.now()
      log.info({ signal }, 'Stopping; sessions go on')
      server.close().then(resolve, reject)
    } else if (performance.now() - askedAt > IMPATIENT_AFTER_MS) process.exit(1)
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  process.on('SIGHUP', ignoreHangup ? () => undefined : onSignal)
  return {
    promise,
    get asked() {
      return askedAt !== undefined
    },
  }
}

/**
 * The link of the console, for whoever started the server by hand. Its code is a secret for an hour, so it is written to
 * a terminal only: anything else may be kept.
 */
async function welcome(config: Config, server: CliscaleServer, log: Log): Promise<void> {
  if (config.mode !== 'all') return
  if (process.stdout.isTTY && config.logFormat !== 'json') {
    const link = await server.createConsoleLink()
    standardOutput().write(`\n  Cliscale is ready. Open the console:\n\n    ${link}\n\n`)
  } else {
    const command = `cliscale-server login --data-dir=${config.dataDir}`
    log.info({ command }, 'A link that signs a browser in to the console is to be had from this command')
  }
}
