import { lstatSync, readFileSync, readlinkSync } from 'node:fs'

import type { Launch, PlacedCommand } from './launch.ts'
import { DEVICE_FOLDERS, SYSTEM_FOLDERS, systemConfiguration } from './system-paths.ts'
import { requireTool } from './tools.ts'
import { isWithin, SANDBOX_HOME, SESSION_USER } from './view.ts'
import { throughShell } from './through-shell.ts'

/** What a sandboxed command sees and gets. Paths are real ones of this machine. */
export interface Sandbox {
  /** Seen as {@link SANDBOX_HOME}, read-write. */
  readonly workFolder: string
  /** Seen as `/tmp` and `/var/tmp`, read-write. Absent: memory, as much as {@link MEMORY_BYTES}. */
  readonly temporaryFolder?: string | undefined
  /** Shown read-only at their own paths, beside the system's folders. */
  readonly shownPaths: readonly string[]
  /** Never shown, also where they lie below something that is: the server's data. */
  readonly hiddenPaths: readonly string[]
}

/** What bwrap reads from an inherited descriptor: a text, or a file of this machine. */
export type HandedFile = { readonly text: string } | { readonly path: string }

/** How bwrap is started: nothing of a session is in what it is given as its own arguments and environment but the command. */
export interface BubblewrapStart extends Launch {
  /** In the order of their descriptors, without a gap. */
  readonly files: readonly HandedFile[]
}

/** Most that a session may write to folders that are kept in memory, each. */
const MEMORY_BYTES = 67_108_864

/** A session's account inside its sandbox. What it is outside is the runner's. */
const ACCOUNT = { name: SESSION_USER, id: 1_000 } as const

const PASSWD = `root:x:0:0:root:/root:/usr/sbin/nologin
${ACCOUNT.name}:x:${ACCOUNT.id}:${ACCOUNT.id}:${ACCOUNT.name}:${SANDBOX_HOME}:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
`

const GROUP = `root:x:0:
${ACCOUNT.name}:x:${ACCOUNT.id}:
nogroup:x:65534:
`

/**
 * UTF-8 aware line editing in the kernel, as for a terminal that node-pty forks; when memory is short, the kernel ends the
 * session's programs before the runner's; then the session of its own.
 */
const TAKE_TERMINAL =
  'stty iutf8 2>/dev/null; echo 500 2>/dev/null >/proc/self/oom_score_adj; exec "$0" --ctty "$@"'

/**
 * Wraps a command in bubblewrap (bwrap(1)): own users, mounts, processes, IPC, host name and cgroup view, no capability,
 * no further namespaces, and a file system that holds the system's programs, a home and nothing else.
 *
 * bwrap runs outside of the sandbox that it makes, so it is given nothing that a client chose but the command's own
 * arguments: the environment is set inside, from a list that it reads from a descriptor, and its own is empty.
 *
 * `--new-session` is not used: with it the command has no controlling terminal, so neither Ctrl-C nor job control.
 * Instead `setsid --ctty` inside the sandbox makes the command the leader of a session that owns the terminal, while
 * bwrap itself stays outside that session, where a Ctrl-C cannot end it. The attack that `--new-session` is for,
 * typing into the terminal of the caller, finds only the session's own terminal.
 *
 * @param firstDescriptor a descriptor of the started process from which on files are handed over
 * @throws {Error} when bwrap or setsid is not installed
 */
export function startInSandbox(
  command: PlacedCommand,
  sandbox: Sandbox,
  firstDescriptor: number,
): BubblewrapStart {
  const { launch, env, cwd } = throughShell(command)
  const { mounted, copied } = systemConfiguration()
  const copies: readonly Copy[] = [
    { at: '/etc/passwd', file: { text: PASSWD } },
    { at: '/etc/group', file: { text: GROUP } },
    ...copied.map((path) => ({ at: path, file: { path } })),
  ]
  const options = [
    ...separation(),
    ...systemMounts(mounted),
    ...copies.map(({ at }, i) => copyFrom(firstDescriptor + 1 + i, at)),
    ...ownMounts(sandbox),
    ['--chdir', cwd],
    ...Object.entries(env).map(([name, value]) => ['--setenv', name, value]),
  ].flat()
  const list = { text: options.map((option) => `${option}\0`).join('') }
  const program = ['/bin/sh', '-c', TAKE_TERMINAL, requireTool('setsid'), launch.file, ...launch.args]
  return {
    file: requireTool('bwrap'),
    args: ['--args', String(firstDescriptor), '--', ...program],
    files: [list, ...copies.map(({ file }) => file)],
  }
}

/** A file that lies in the sandbox's own memory. */
interface Copy {
  readonly at: string
  readonly file: HandedFile
}

/** A copy costs a tenth of what a mount of the same file does, and the root that it lies in is read-only in the end. */
function copyFrom(descriptor: number, path: string): string[] {
  const file = ['--file', String(descriptor), path]
  return knows('--perms') ? ['--perms', '0444', ...file] : file
}

/** What a program is shown that only writes below one folder and reads what it is made of. */
export interface ConfinedProgram {
  readonly launch: Launch
  /** Seen at its own path, read-write. */
  readonly folder: string
  /** Shown read-only at their own paths. */
  readonly readOnlyPaths: readonly string[]
}

/**
 * Wraps a helper of the runner's own that works on what a client sent: as {@link startInSandbox}, but without a terminal,
 * a home, a network, and without more of the system than its libraries.
 *
 * @throws {Error} when bwrap is not installed
 */
export function confine({ launch, folder, readOnlyPaths }: ConfinedProgram): Launch {
  const options = [
    ...separation(),
    ['--unshare-net'],
    ...SYSTEM_FOLDERS.map(systemFolder),
    ...['/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d'].map((path) => [
      '--ro-bind-try',
      path,
      path,
    ]),
    ['--proc', '/proc', '--dev', '/dev', '--remount-ro', '/dev'],
    ...readOnlyPaths.map((path) => ['--ro-bind', path, path]),
    ['--bind', folder, folder, '--remount-ro', '/', '--chdir', folder],
  ].flat()
  return { file: requireTool('bwrap'), args: [...options, '--', launch.file, ...launch.args] }
}

/** What a command without a session is started with, to try whether there can be sandboxes here. */
export const TRIAL: PlacedCommand = {
  launch: { file: '/bin/sh', args: ['-c', 'exit 0'] },
  env: { PATH: '/usr/bin:/bin' },
  cwd: SANDBOX_HOME,
}

function separation(): string[][] {
  return [
    ['--unshare-user', '--uid', String(ACCOUNT.id), '--gid', String(ACCOUNT.id)],
    knows('--disable-userns') ? ['--disable-userns'] : [],
    ['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--die-with-parent'],
    ['--cap-drop', 'ALL', '--hostname', 'session'],
  ]
}

function systemMounts(configuration: readonly string[]): string[][] {
  return [
    ...SYSTEM_FOLDERS.map(systemFolder),
    ...[...configuration, ...DEVICE_FOLDERS].map((path) => ['--ro-bind-try', path, path]),
    ['--proc', '/proc', '--dev', '/dev', ...memory('/dev/shm'), '--remount-ro', '/dev'],
    memory('/run'),
  ]
}

function ownMounts({ workFolder, temporaryFolder, shownPaths, hiddenPaths }: Sandbox): string[][] {
  const temporary = ['/tmp', '/var/tmp'].map((path) =>
    temporaryFolder === undefined ? memory(path) : ['--bind', temporaryFolder, path],
  )
  const hidden = hiddenPaths.filter((path) => isShown(path, shownPaths))
  return [
    ...temporary,
    ...shownPaths.map((path) => ['--ro-bind-try', path, path]),
    ...hidden.map((path) => ['--tmpfs', path, '--remount-ro', path]),
    ['--bind', workFolder, SANDBOX_HOME],
    ['--remount-ro', '/'],
  ]
}

function isShown(path: string, shownPaths: readonly string[]): boolean {
  return [...SYSTEM_FOLDERS, ...shownPaths].some((shown) => isWithin(path, shown))
}

/** As it is on this machine: a folder, a link into another one, or nothing. */
function systemFolder(path: string): string[] {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return []
  return stats.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path]
}

function memory(path: string): string[] {
  return knows('--size') ? ['--size', String(MEMORY_BYTES), '--tmpfs', path] : ['--tmpfs', path]
}

let usage: string | undefined

/** Whether this machine's bwrap has an option; older ones lack some. */
function knows(option: string): boolean {
  usage ??= usageOf(requireTool('bwrap'))
  return usage.includes(`${option} `)
}

/** The program holds its own help text, and to read it costs a session less than to start it. */
function usageOf(bwrap: string): string {
  const program = readFileSync(bwrap, 'latin1')
  if (program.includes('--ro-bind ')) return program
  const { execFileSync } = process.getBuiltinModule('node:child_process')
  return execFileSync(bwrap, ['--help'], { encoding: 'utf8', env: {} })
}
