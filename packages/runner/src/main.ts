#!/usr/bin/env node
import { chmodSync } from 'node:fs'
import type { Server } from 'node:http'

import { Authentication, readSecret } from './authentication.ts'
import {
  helpText,
  type IsolationConfig,
  type ListenAddress,
  parseConfig,
  parseIsolation,
  type RunnerConfig,
} from './config.ts'
import { EventStreams } from './event-stream.ts'
import { closeInherited } from './descriptors.ts'
import { becomeInit } from './init.ts'
import { findProblem } from './isolation/find-problem.ts'
import { becomeUser, isRoot, keepFolder } from './isolation/user.ts'
import { createLog, type Log } from './log.ts'
import { createPort, webSockets } from './port.ts'
import { rehearseSoon } from './rehearsal.ts'
import { Runner } from './runner.ts'
import { nativePty } from './terminal/native.ts'

/** On older Node a PTY loses the end of what short commands write. */
const OLDEST_NODE = 24

const [major = '0'] = process.versions.node.split('.')
if (Number(major) < OLDEST_NODE) {
  fail([`cliscale-runner needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}.`])
} else if (process.argv.includes('--help')) {
  process.stdout.write(helpText())
} else if (process.argv[2] === '--try-isolation') {
  const parsed = parseIsolation(process.argv.slice(3))
  if ('problems' in parsed) fail(parsed.problems)
  else tryIsolation(parsed.config)
} else {
  const parsed = parseConfig(process.argv.slice(2))
  if ('problems' in parsed) fail(parsed.problems)
  else start(parsed.config)
}

function fail(problems: readonly string[]): void {
  process.stderr.write(problems.map((problem) => `${problem}\n`).join(''))
  process.exitCode = 2
}

/** Exit code of {@link tryIsolation} when sessions cannot be isolated; why stands on standard error. */
const NOT_ISOLATED = 3

function tryIsolation(config: IsolationConfig): void {
  if (config.user !== undefined) takeUser(config.user)
  void findProblem(config).then((problem) => {
    if (problem === undefined) return
    process.stderr.write(`${problem}\n`)
    process.exitCode = NOT_ISOLATED
  })
}

function start(config: RunnerConfig): void {
  // Node would open its debugger to whoever may send this signal, a session of the same user among them.
  process.on('SIGUSR1', () => {})
  becomeInit()
  const log = createLog(config.logLevel, { runnerId: config.runnerId })
  let secret: string
  try {
    secret = readSecret(config.secretFile)
  } catch (error) {
    fail([`--secret-file cannot be used: ${messageOf(error)}.`])
    return
  }
  closeInherited()
  if (isRoot() && config.user === undefined) {
    fail(['As root the runner needs --user: a session never runs as root.'])
    return
  }
  try {
    run(withKeptFolder(config), { secret, log })
  } catch (error) {
    fail([`--recording-folder cannot be used: ${messageOf(error)}.`])
  }
}

/** Its user may not be allowed to pass the folders on the way to the one for recordings. */
function withKeptFolder(config: RunnerConfig): RunnerConfig {
  const { recordingFolder, user } = config
  if (recordingFolder === undefined || user === undefined) return config
  return { ...config, recordingFolder: keepFolder(recordingFolder).path }
}

function run(config: RunnerConfig, { secret, log }: { secret: string; log: Log }): void {
  const rehearsal = new AbortController()
  const events = new EventStreams(
    () => runner.maybeEnd(),
    () => runner.figures,
  )
  const runner: Runner = new Runner(config, log, {
    assigned: () => rehearsal.abort(),
    event: (event) => events.send(event),
    exitDelivered: () => events.exitDelivered,
    counted: () => events.figuresSoon(),
    over: () => void end(server, events),
  })
  const server = createPort({
    runner,
    events,
    authentication: new Authentication(config.runnerId, secret),
    log,
  })
  server.on('error', (error) => {
    fail([`The runner cannot listen: ${messageOf(error)}.`])
    process.exit()
  })
  listen(server, config.listen, () => {
    // In the same turn in which it began to listen: nobody is heard before.
    if (config.user !== undefined) takeUser(config.user)
    log.info('listening', { address: addressOf(server) })
    setImmediate(() => {
      warmUp()
      runner.prepare()
    })
    rehearseSoon(config, log, rehearsal.signal)
  })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => runner.stop({ reason: 'killed', graceMs: 2_000 }))
  }
}

function takeUser(user: number): void {
  try {
    becomeUser(user)
  } catch (error) {
    fail([`--user cannot be used: ${messageOf(error)}.`])
    process.exit()
  }
}

function listen(server: Server, address: ListenAddress, listening: () => void): void {
  if ('port' in address) server.listen(address.port, address.host, listening)
  else {
    server.listen(address.path, () => {
      chmodSync(address.path, 0o600)
      listening()
    })
  }
}

function addressOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') return `unix:${address ?? ''}`
  return `tcp:${address.address}:${address.port}`
}

/** Loads what the first session needs while nobody waits. */
function warmUp(): void {
  nativePty()
  void webSockets()
}

/** The socket goes away with the server. */
async function end(server: Server, events: EventStreams): Promise<void> {
  await events.end()
  server.close(() => process.exit(0))
  server.closeAllConnections()
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
