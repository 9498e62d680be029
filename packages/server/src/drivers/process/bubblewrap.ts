import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const PROBE_TIMEOUT_MS = 5_000

/** Whether sessions can run under bubblewrap here. */
export type BubblewrapProbe = { readonly usable: true } | { readonly usable: false; readonly reason: string }

/** Where the runner looks for the programs. */
const SEARCH_PATH = '/usr/local/bin:/usr/bin:/bin'

/**
 * Tries a sandbox of the kind that the runner makes, once: many hosts have the program but forbid what it needs (no user
 * namespaces, a masked /proc).
 */
export async function probeBubblewrap(searchPath: string = SEARCH_PATH): Promise<BubblewrapProbe> {
  const options = { timeout: PROBE_TIMEOUT_MS, env: { PATH: searchPath } }
  try {
    await promisify(execFile)('bwrap', [...SANDBOX, '--', 'setsid', '--wait', 'true'], options)
    return { usable: true }
  } catch (error) {
    return { usable: false, reason: reasonOf(error as NodeJS.ErrnoException & { stderr?: string }) }
  }
}

const SANDBOX = [
  ['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--die-with-parent'],
  ['--cap-drop', 'ALL', '--hostname', 'session'],
  ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp'],
].flat()

function reasonOf(error: NodeJS.ErrnoException & { stderr?: string }): string {
  if (error.code === 'ENOENT') return 'bubblewrap (bwrap) is not installed'
  return `bubblewrap cannot make a sandbox here: ${error.stderr?.trim().split('\n').at(-1) ?? error.message}`
}
