import { accessSync, constants, existsSync, realpathSync } from 'node:fs'

/** What a sandboxed command sees. */
export interface Sandbox {
  /** Bound read-write at its own path. */
  readonly workFolder: string
  /** Shown empty: the runner's sockets, the server's data. */
  readonly hideFolders: readonly string[]
}

/** A program with its arguments. */
export interface Launch {
  readonly file: string
  readonly args: readonly string[]
}

const SEARCH = ['/usr/local/bin', '/usr/bin', '/bin']

/** Folders that hold sockets and other people's files; a session gets an empty one of its own. */
const PRIVATE_FOLDERS = ['/tmp', '/var/tmp', '/run', '/dev/shm']

/** Under `/run` on many systems, and needed to resolve names. */
const KEPT = ['/run/systemd/resolve', '/run/resolvconf']

/** UTF-8 aware line editing in the kernel, as for a terminal that node-pty forks; then the session of its own. */
const TAKE_TERMINAL = 'stty iutf8 2>/dev/null; exec "$0" --ctty "$@"'

/**
 * Wraps a command in bubblewrap (bwrap(1)): own mounts, processes, IPC, host name and cgroup view, no capability, the
 * file system read-only but for the work folder.
 *
 * `--new-session` is not used: with it the command has no controlling terminal, so neither Ctrl-C nor job control.
 * Instead `setsid --ctty` inside the sandbox makes the command the leader of a session that owns the terminal, while
 * bwrap itself stays outside that session, where a Ctrl-C cannot end it. The attack that `--new-session` is for,
 * typing into the terminal of the caller, finds only the session's own terminal.
 */
export function wrapInSandbox(
  launch: Launch,
  at: { readonly cwd: string; readonly closeFd: number },
  sandbox: Sandbox,
): Launch {
  const workFolder = realpathSync(sandbox.workFolder)
  const args = [
    // Arguments from an empty file: bwrap reads none and closes the descriptor.
    ['--args', String(at.closeFd)],
    ['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--die-with-parent'],
    ['--cap-drop', 'ALL', '--hostname', 'session'],
    ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'],
    ...PRIVATE_FOLDERS.filter((path) => existsSync(path)).map((path) => ['--tmpfs', path]),
    ...KEPT.map((path) => ['--ro-bind-try', path, path]),
    ...sandbox.hideFolders.filter((path) => existsSync(path)).map((path) => ['--tmpfs', realpathSync(path)]),
    ['--bind', workFolder, workFolder, '--chdir', at.cwd],
    ['--', '/bin/sh', '-c', TAKE_TERMINAL, requireTool('setsid'), launch.file, ...launch.args],
  ]
  return { file: requireTool('bwrap'), args: args.flat() }
}

/** Path of a system program that the sandbox needs. @throws {Error} when it is not installed */
function requireTool(name: string): string {
  const path = SEARCH.map((folder) => `${folder}/${name}`).find(isExecutable)
  if (path === undefined) throw new Error(`${name} is not installed; isolation by bubblewrap needs it`)
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
