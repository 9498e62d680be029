import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunnerSecret } from '../auth/runner-secret.ts'
import type { Config } from '../config/config.ts'
import { runtimeFolder } from '../drivers/process/folders/runner-folder.ts'
import { readKeyFile, readOrCreateKeyFile } from '../files/key-file.ts'
import type { Health } from '../observability/health.ts'
import type { RunnerAccess } from '../store/installation.ts'
import { RECONCILER_LEASE } from '../store/leases.ts'
import type { Store } from '../store/store.ts'
import { type DataPaths, StartError } from './data-folder.ts'

/** Not the id of any runner, so what it yields opens none. */
const DIGEST_OF = 'digest of the runner key'

/** What both roles look at. */
export interface RunnerAccessOptions {
  readonly config: Config
  readonly paths: DataPaths
  readonly store: Store
  readonly runnerSecret: RunnerSecret
}

/**
 * A controller tells what it takes to reach its runners. One that would work beside another with another folder is refused:
 * neither reaches what the other starts.
 *
 * @param ownDriver whether runners are not started by the process driver
 * @throws {StartError}
 */
export async function tellRunnerAccess(
  { config, store, runnerSecret }: RunnerAccessOptions,
  ownDriver: boolean,
): Promise<void> {
  const mark = ownDriver ? null : await makeMark(runtimeFolder(config.dataDir))
  const access: RunnerAccess = { key: runnerSecret.of(DIGEST_OF), mark }
  const other = await store.installation.tellRunnerAccess(access, RECONCILER_LEASE)
  if (other !== null)
    throw new StartError(
      `Another controller works on this database with another data folder than ${config.dataDir}; ` +
        'give all of them its folder with --data-dir, or this one a database or --db-schema of its own.',
    )
}

/** A gateway makes no key once its controller has one. @throws {StartError} */
export async function assertKeyIsThere({
  paths,
  store,
  config,
}: Omit<RunnerAccessOptions, 'runnerSecret'>): Promise<void> {
  const access = await store.installation.runnerAccess().catch(() => null)
  if (access !== null && (await readKeyFile(paths.runnerKey)) === null)
    throw new StartError(
      `The controller has a runner key, and ${paths.runnerKey} is not there; ` +
        `name the controller's data folder with --data-dir, in place of ${config.dataDir}.`,
    )
}

/**
 * Refuses a gateway that cannot reach the controller's runners. One whose controller or database is not there yet only is not
 * ready, and looks again with each probe.
 *
 * @throws {StartError}
 */
export async function watchRunnerAccess(options: RunnerAccessOptions, health: Health): Promise<void> {
  let reaches = false
  const look = async (): Promise<string | null> => {
    if (reaches) return null
    const access = await options.store.installation.runnerAccess()
    if (access === null) return 'No controller has told yet how its runners are reached; start one.'
    const problem = await problemOf(access, options)
    reaches = problem === null
    return problem
  }
  health.register('runners', 'ready', look)
  const access = await options.store.installation.runnerAccess().catch(() => null)
  const problem = access === null ? null : await problemOf(access, options)
  if (problem !== null) throw new StartError(problem)
}

async function problemOf(
  access: RunnerAccess,
  { config, paths, runnerSecret }: RunnerAccessOptions,
): Promise<string | null> {
  if (runnerSecret.of(DIGEST_OF) !== access.key)
    return (
      `The runner key ${paths.runnerKey} is not the controller's, so no runner would let this gateway in; ` +
      `name the controller's data folder with --data-dir, or copy its keys/runner.key.`
    )
  if (access.mark === null || config.runnerNetworks.length > 0) return null
  const folder = runtimeFolder(config.dataDir)
  const found = await readKeyFile(markIn(folder)).catch(() => null)
  if (found?.toString('latin1') === access.mark) return null
  return (
    `The controller's runners listen in its own data folder, and ${folder} is not in it; ` +
    `name the controller's folder, on the same machine, with --data-dir, in place of ${config.dataDir}.`
  )
}

async function makeMark(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const made = await readOrCreateKeyFile(markIn(folder), () =>
    Buffer.from(randomBytes(16).toString('base64url')),
  )
  return made.toString('latin1')
}

function markIn(folder: string): string {
  return join(folder, 'installation')
}
