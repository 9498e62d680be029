import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'

import type { Assignment, ErrorCode, Failure } from '@cliscale/sdk/protocol'

import type { Launch } from './isolation/launch.ts'
import { isExecutable } from './isolation/tools.ts'
import { isWithin, type View } from './isolation/view.ts'

/** PATH of a session that brings none. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** TERM of a session that brings none. */
export const DEFAULT_TERM = 'xterm-256color'

/** Why a command could not be started, with the exit code that a shell would give. */
export class StartFailure extends Error {
  readonly failure: Failure
  readonly exitCode: number | null

  constructor(code: ErrorCode, message: string, options: { hint?: string; exitCode?: number } = {}) {
    super(message)
    this.name = 'StartFailure'
    this.failure = { code, message, ...(options.hint === undefined ? {} : { hint: options.hint }) }
    this.exitCode = options.exitCode ?? null
  }
}

/** Environment entry by which a session's processes are known. */
export const SESSION_VARIABLE = 'CLISCALE_SESSION_ID'

/**
 * The environment of the command: the assignment's, and defaults for what a terminal program cannot do without. Nothing
 * of the runner's own environment is in it but the time zone.
 *
 * @param binFolders folders of the bundle, searched before all others
 * @param timeZone default of `TZ`
 */
export function sessionEnvironment(
  assignment: Assignment,
  view: View,
  { binFolders, timeZone }: { readonly binFolders: readonly string[]; readonly timeZone: string | undefined },
): Readonly<Record<string, string>> {
  const env = assignment.env
  const path = [...binFolders.map((folder) => view.inside(folder)), env.PATH ?? DEFAULT_PATH].join(delimiter)
  return {
    TERM: DEFAULT_TERM,
    COLORTERM: 'truecolor',
    HOME: view.home,
    USER: view.user,
    LOGNAME: view.user,
    LANG: 'C.UTF-8',
    SHELL: existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh',
    ...(timeZone === undefined ? {} : { TZ: timeZone }),
    ...env,
    PATH: path,
    [SESSION_VARIABLE]: assignment.sessionId,
  }
}

/** The working directory: below the work folder and there. @throws {StartFailure} `WORK_FOLDER_UNUSABLE` */
export function workingDirectory(workFolder: string, cwd: string | undefined): string {
  const root = usableFolder(workFolder, 'The work folder', constants.W_OK | constants.X_OK)
  const wanted = usableFolder(
    resolve(root, cwd ?? '.'),
    `The working directory ${cwd ?? '.'}`,
    constants.X_OK,
  )
  if (!isWithin(wanted, root)) {
    throw unusable(`The working directory ${cwd ?? '.'} lies outside the work folder.`)
  }
  return wanted
}

/**
 * Finds the program as execvp(3) would where the command will run, but tells why there is none.
 *
 * @param at working directory and PATH as the command sees them
 * @throws {StartFailure} exit code 127 or 126
 */
export function findProgram(
  assignment: Assignment,
  at: { readonly cwd: string; readonly path: string; readonly view: View },
): Launch {
  const { command, args } = assignment
  const candidates = command.includes('/')
    ? [resolve(at.cwd, command)]
    : at.path
        .split(delimiter)
        .map((folder) => join(isAbsolute(folder) ? folder : resolve(at.cwd, folder), command))
  let isThere = false
  for (const path of candidates) {
    const real = realFile(path, at.view)
    if (real === undefined) continue
    if (isExecutable(real)) return { file: path, args }
    isThere = true
  }
  if (isThere) {
    throw new StartFailure('COMMAND_NOT_EXECUTABLE', `${command}: permission denied.`, {
      hint: 'Make the file executable.',
      exitCode: 126,
    })
  }
  throw new StartFailure('COMMAND_NOT_FOUND', `${command}: command not found.`, {
    hint: 'Check the name and the PATH of the session.',
    exitCode: 127,
  })
}

function usableFolder(path: string, what: string, mode: number): string {
  try {
    const real = realpathSync(path)
    if (!statSync(real).isDirectory()) throw unusable(`${what} is not a folder.`)
    accessSync(real, mode)
    return real
  } catch (error) {
    if (error instanceof StartFailure) throw error
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') throw unusable(`${what} does not exist.`)
    throw unusable(`${what} cannot be used (${code ?? 'unknown error'}).`)
  }
}

function unusable(message: string): StartFailure {
  return new StartFailure('WORK_FOLDER_UNUSABLE', message)
}

/** The file of this machine that the command would get at a path; undefined when it would get none. */
function realFile(path: string, view: View): string | undefined {
  const seen = view.onHost(path)
  if (seen === undefined) return undefined
  try {
    const real = realpathSync.native(seen)
    return view.shows(real) && statSync(real).isFile() ? real : undefined
  } catch {
    return undefined
  }
}
