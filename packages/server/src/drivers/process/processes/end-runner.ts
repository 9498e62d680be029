import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import {
  descendants,
  identify,
  isAlive,
  type ProcessIdentity,
  signal,
  withArgument,
  withEnvironment,
  withUser,
} from './process-table.ts'
import { readIdentity, type RunnerPaths, userOf } from '../folders/runner-folder.ts'
import { ENDING_LOOK_EVERY_MS, KILL_DEADLINE_MS } from '../limits.ts'

/**
 * The runner's process; null when it is gone. It is found by the note in its folder, or, when the server died between
 * starting it and writing the note, by the socket on its command line.
 */
export async function runnerProcess(paths: RunnerPaths): Promise<ProcessIdentity | null> {
  const noted = await readIdentity(paths)
  if (noted !== null) return isAlive(noted) ? noted : null
  return withArgument(paths.address)
}

/** How a runner is ended. */
export interface EndOptions {
  /** Time for the runner to end its command, in milliseconds. */
  readonly graceMs: number
  /** Processes in its control groups. */
  readonly members: () => Promise<readonly number[]> | readonly number[]
}

/**
 * Ends a runner and all that it started: SIGTERM and a time of grace, in which the runner ends its command, then
 * SIGKILL to its group, to its descendants, to what is in its control groups or runs as the session's own user, and, where it has none, to
 * processes that carry the session's home folder.
 *
 * @throws {Error} when something is still alive afterwards
 */
export async function endProcesses(paths: RunnerPaths, { graceMs, members }: EndOptions): Promise<void> {
  const runner = await runnerProcess(paths)
  const family = runner === null ? [] : [runner, ...descendants(runner.pid)]
  if (runner !== null) {
    signal(runner, 'SIGTERM', 'process')
    await allGone([runner], graceMs)
    signal(runner, 'SIGKILL', 'group')
  }
  const user = await userOf(paths)
  const deadline = performance.now() + KILL_DEADLINE_MS
  // A member may start another one between the look and the signal, so look again until nobody is left.
  for (;;) {
    const strays = user === null ? withEnvironment(`HOME=${paths.home}`) : withUser(user)
    const grouped = (await members()).flatMap((pid) => identify(pid) ?? [])
    const living = [...family.filter(isAlive), ...strays, ...grouped]
    if (living.length === 0) return
    if (performance.now() >= deadline) throw new Error(`processes did not end: ${pidsOf(living)}`)
    if (user !== null) await endAllOf(user)
    for (const member of living) signal(member, 'SIGKILL', 'process')
    await pause(ENDING_LOOK_EVERY_MS)
  }
}

/** Ends every process of a user at once, so that none can start another meanwhile (kill(2), pid -1, as that user). */
async function endAllOf(user: number): Promise<void> {
  const killer = spawn('/bin/sh', ['-c', 'kill -s KILL -- -1'], {
    uid: user,
    gid: user,
    cwd: '/',
    env: {},
    stdio: 'ignore',
  })
  await once(killer, 'exit')
}

async function allGone(processes: readonly ProcessIdentity[], withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  while (processes.some(isAlive) && performance.now() < deadline) await pause(ENDING_LOOK_EVERY_MS)
}

function pidsOf(processes: readonly ProcessIdentity[]): string {
  return processes.map(({ pid }) => pid).join(', ')
}
