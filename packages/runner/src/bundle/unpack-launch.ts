import { existsSync, readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

import type { UnpackLimits } from './limits.ts'
import { UNPACK_DATA_BYTES } from './limits.ts'

/** A program with its arguments. */
export interface ProgramLaunch {
  /** Absolute path. */
  readonly file: string
  readonly args: readonly string[]
}

/** Puts something between a program and this machine, such as a sandbox. Standard streams must pass through it. */
export type Confine = (launch: ProgramLaunch) => ProgramLaunch

/** The whole environment of the program that unpacks: the same for everybody. */
export const UNPACK_ENVIRONMENT = { LANG: 'C.UTF-8', TZ: 'UTC' } as const

const IS_SOURCE = import.meta.url.endsWith('.ts')

const PROGRAM = fileURLToPath(
  new URL(IS_SOURCE ? './unpack-program.ts' : './unpack-program.js', import.meta.url),
)

/** Packages that the program imports where it is not built; the built one holds them. */
const IMPORTED = ['tar', 'yauzl']

/** Heap of the program, in MiB: the tree of the largest archive that is allowed takes a fifth of it. */
const HEAP_MIB = 256

/** Tells Node that the program is a module. */
const MANIFEST = fileURLToPath(new URL(IS_SOURCE ? '../../package.json' : '../package.json', import.meta.url))

const TOOL_FOLDERS = ['/usr/bin', '/bin', '/run/current-system/sw/bin']

/**
 * How the program that unpacks is started. Where util-linux is installed it has limits of its own (memory, processor time,
 * the size of a file, open files, no core dump) and does not outlive the runner.
 */
export function unpackLaunch(
  folder: string,
  { limits, confine }: { readonly limits: UnpackLimits; readonly confine: Confine },
): ProgramLaunch {
  const options = [`--max-old-space-size=${HEAP_MIB}`, '--disable-warning=ExperimentalWarning']
  const args = [...options, PROGRAM, folder, JSON.stringify(limits)]
  return limited(confine({ file: process.execPath, args }), limits)
}

function limited(launch: ProgramLaunch, { timeMs, bytes }: UnpackLimits): ProgramLaunch {
  // Several threads share the processor time.
  const seconds = Math.ceil(timeMs / 1_000) * 4
  const bounds = [
    '--core=0',
    '--nofile=256',
    `--fsize=${bytes}`,
    `--data=${UNPACK_DATA_BYTES}`,
    `--cpu=${seconds}`,
  ]
  return through('prlimit', bounds, through('setpriv', ['--pdeathsig=KILL'], launch))
}

/** A launch by way of a system program, where that is installed. */
function through(tool: string, options: readonly string[], launch: ProgramLaunch): ProgramLaunch {
  const file = TOOL_FOLDERS.map((folder) => `${folder}/${tool}`).find((path) => existsSync(path))
  return file === undefined ? launch : { file, args: [...options, '--', launch.file, ...launch.args] }
}

/**
 * Files and folders that the program reads beside the archive and the system's own libraries: Node, its own code, and in a
 * checkout the packages that the code imports. A sandbox has to show these, read-only, and nothing more.
 */
export function unpackReadOnlyPaths(): readonly string[] {
  const own = [process.execPath, dirname(PROGRAM), MANIFEST]
  if (!IS_SOURCE) return own
  const packages = new Set<string>()
  for (const name of IMPORTED) addPackage(name, import.meta.url, packages)
  return [...own, ...packages]
}

/** Adds the folder of a package and those of all that it depends on. */
function addPackage(name: string, from: string, folders: Set<string>): void {
  const file = findPackageJSON(name, from)
  if (file === undefined || folders.has(dirname(file))) return
  folders.add(dirname(file))
  const { dependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>
  }
  for (const dependency of Object.keys(dependencies)) addPackage(dependency, file, folders)
}
