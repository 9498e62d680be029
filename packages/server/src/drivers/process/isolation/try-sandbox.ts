import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runnerEnvironment } from '../config.ts'
import { isolationFlags, type RunnerProgram } from '../processes/launch.ts'
import { giveFolder, type RunnerFolders } from '../folders/runner-folder.ts'
import type { SessionUsers } from './session-users.ts'
import { TRIAL_TIMEOUT_MS } from '../limits.ts'

/** Whether sessions can run in a sandbox here. The reason is a sentence without its full stop. */
export type SandboxVerdict = { readonly usable: true } | { readonly usable: false; readonly reason: string }

/** What a trial is made with. */
export interface SandboxTrial {
  readonly program: RunnerProgram
  readonly folders: RunnerFolders
  readonly users: SessionUsers | null
}

/**
 * Has the runner's own program make the sandbox that it would make for a session, as the user that it would be: many
 * hosts have bubblewrap but forbid what it needs (no user namespaces, a masked /proc).
 */
export async function trySandbox({ program, folders, users }: SandboxTrial): Promise<SandboxVerdict> {
  const folder = await mkdtemp(join(folders.work, 'trial-'))
  const user = (await users?.take(folder)) ?? null
  const [work, temporary] = [join(folder, 'home'), join(folder, 'tmp')]
  try {
    for (const path of [work, temporary]) await mkdir(path, { mode: 0o700 })
    for (const path of [folder, work, temporary]) if (user !== null) await giveFolder(path, user)
    const flags = ['--try-isolation', ...isolationFlags(program.policy, { work, temporary, user })]
    const env = runnerEnvironment(work, folders.compileCache)
    const options = { timeout: TRIAL_TIMEOUT_MS, env, cwd: '/' }
    await promisify(execFile)(program.node, [...program.nodeOptions, program.entry, ...flags], options)
    return { usable: true }
  } catch (error) {
    return { usable: false, reason: reasonOf(error as Error & { stderr?: string; killed?: boolean }) }
  } finally {
    await rm(folder, { recursive: true, force: true })
    if (user !== null) await users?.giveBack(user, folder)
  }
}

function reasonOf(error: Error & { stderr?: string; killed?: boolean }): string {
  const said = error.stderr?.trim().split('\n').at(-1) ?? ''
  if (said !== '') return said.replace(/\.$/, '')
  return error.killed === true
    ? `the trial of a sandbox did not end within ${TRIAL_TIMEOUT_MS / 1_000} seconds`
    : `the trial of a sandbox failed: ${error.message}`
}
