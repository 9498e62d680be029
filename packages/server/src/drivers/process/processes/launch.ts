import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { OutsideWorld } from '../../../config/outside-world.ts'
import type { RunnerSpec } from '../../driver.ts'
import { runnerEnvironment } from '../config.ts'
import type { RunnerPolicy } from '../isolation/policy.ts'
import type { RunnerFolders, RunnerPaths } from '../folders/runner-folder.ts'

/** How the runner's program is started. */
export interface RunnerProgram {
  /** Its JavaScript or, in a checkout, TypeScript file. */
  readonly entry: string
  /** The Node that runs it. */
  readonly node: string
  /** Of the runner's package. */
  readonly version: string
  /** Options of Node itself. */
  readonly nodeOptions: readonly string[]
  readonly policy: RunnerPolicy
  /** Proxy and certificates with which bundles are fetched. */
  readonly outsideWorld: OutsideWorld
}

/** What one launch needs. */
export interface LaunchRequest {
  readonly program: RunnerProgram
  readonly folders: RunnerFolders
  readonly paths: RunnerPaths
  readonly spec: RunnerSpec
  /** Uid and gid that it becomes; null when it stays what the server is. */
  readonly user: number | null
  /** Where its control group counts what it ended for want of memory; null: nowhere. */
  readonly memoryEvents: string | null
}

/** File descriptor on which a runner finds its secret. */
export const SECRET_FD = 3

/** The same for what the operator's network needs: its proxy may have a password. */
const OUTSIDE_WORLD_FD = 4

/**
 * Starts a runner that outlives this process: a session and process group of its own, no pipe, no shared descriptor.
 * What is secret is handed over as descriptors of files that have no name any more, so that it is in no argument, no
 * environment and no folder. Resolves when the operating system has started it.
 */
export async function launch(request: LaunchRequest): Promise<ChildProcess> {
  const { program, folders, paths, spec } = request
  const log = openSync(paths.log, 'a', 0o600)
  const secret = nameless(paths.folder, spec.secret)
  const world = nameless(paths.folder, JSON.stringify(program.outsideWorld))
  try {
    const child = spawn(program.node, [...program.nodeOptions, program.entry, ...flags(request)], {
      cwd: '/',
      env: runnerEnvironment(paths.home, folders.compileCache),
      detached: true,
      stdio: ['ignore', log, log, secret, world],
    })
    await once(child, 'spawn')
    child.unref()
    return child
  } finally {
    closeSync(log)
    closeSync(secret)
    closeSync(world)
  }
}

function flags(request: LaunchRequest): string[] {
  const { paths, spec, program, user } = request
  const { policy } = program
  return [
    ['--listen', paths.address],
    ['--runner-id', spec.runnerId],
    ['--secret-file', `/dev/fd/${SECRET_FD}`],
    ['--recording-folder', paths.recording],
    ['--bundle-http-hosts', policy.bundleHttpHosts.join(',')],
    ['--bundle-private-networks', policy.bundlePrivateNetworks.join(',')],
    ['--outside-world-file', `/dev/fd/${OUTSIDE_WORLD_FD}`],
    limitFlags(policy),
    ...(request.memoryEvents === null ? [] : [['--memory-events', request.memoryEvents]]),
    isolationFlags(policy, { work: paths.home, temporary: paths.temporary, user }),
  ].flat()
}

function limitFlags({ limits, groupLimits }: RunnerPolicy): string[] {
  return [
    ['--max-processes', String(limits.processes)],
    ['--max-memory-bytes', String(limits.memoryBytes)],
    ['--max-cpus', String(limits.cpus)],
    ['--max-open-files', String(limits.openFiles)],
    ['--max-disk-bytes', String(limits.diskBytes)],
    ['--group-limits', groupLimits.join(',')],
  ].flat()
}

/** How a runner keeps its session apart, as its own flags say it. */
export function isolationFlags(
  policy: RunnerPolicy,
  session: { readonly work: string; readonly temporary: string; readonly user: number | null },
): string[] {
  return [
    ['--isolation', policy.isolation],
    ['--work-folder', session.work],
    ['--temporary-folder', session.temporary],
    ...(session.user === null ? [] : [['--user', String(session.user)]]),
    ...policy.shownPaths.map((path) => ['--show-path', path]),
    ...policy.hiddenPaths.map((path) => ['--hide-path', path]),
  ].flat()
}

/** A descriptor of an unlinked file that holds `text` and stands at its beginning. */
export function nameless(folder: string, text: string): number {
  const path = join(folder, `.${randomBytes(8).toString('hex')}`)
  const descriptor = openSync(path, 'wx+', 0o600)
  try {
    unlinkSync(path)
    writeSync(descriptor, text, 0)
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
  return descriptor
}
