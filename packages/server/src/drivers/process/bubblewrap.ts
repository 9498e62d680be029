import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const PROBE_TIMEOUT_MS = 5_000

/** Whether sessions can run under bubblewrap here. */
export type BubblewrapProbe = { readonly usable: true } | { readonly usable: false; readonly reason: string }

/**
 * Tries a sandbox of the kind that the runner makes, once: many hosts have the program but forbid what it needs (no user
 * namespaces, a masked /proc).
 */
export async function probeBubblewrap(program = 'bwrap'): Promise<BubblewrapProbe> {
  try {
    await promisify(execFile)(program, [...SANDBOX, '--', 'true'], { timeout: PROBE_TIMEOUT_MS })
    return { usable: true }
  } catch (error) {
    return { usable: false, reason: reasonOf(error as NodeJS.ErrnoException & { stderr?: string }) }
  }
}

const SANDBOX = [
  ['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent', '--new-session'],
  ['--ro-bind', '/', '/'],
  ['--dev', '/dev'],
  ['--proc', '/proc'],
  ['--tmpfs', '/tmp'],
].flat()

function reasonOf(error: NodeJS.ErrnoException & { stderr?: string }): string {
  if (error.code === 'ENOENT') return 'bubblewrap (bwrap) is not installed'
  return `bubblewrap cannot make a sandbox here: ${error.stderr?.trim().split('\n').at(-1) ?? error.message}`
}
