import type { Launch, PlacedCommand } from './launch.ts'
import { findTool, requireTool } from './tools.ts'

/** The descriptor on which a waiting shell is told what to become. */
export const SCRIPT_DESCRIPTOR = 3

/**
 * Reads until the runner has said everything. The script comes by a descriptor and not as an argument, because it holds the
 * session's environment.
 */
const WAIT = `script=$("$0" <&${SCRIPT_DESCRIPTOR}); exec ${SCRIPT_DESCRIPTOR}<&-; eval "$script"`

/** Variables to which shells themselves give a meaning, so that they change or refuse them. */
const SHELL_VARIABLES: ReadonlySet<string> = new Set([
  '_',
  'ATTY',
  'BASHOPTS',
  'EUID',
  'HISTSIZE',
  'IFS',
  'LINENO',
  'MAIL',
  'MAILCHECK',
  'MAILPATH',
  'OLDPWD',
  'OPTIND',
  'POSIXLY_CORRECT',
  'PPID',
  'SHELLOPTS',
  'SHLVL',
  'UID',
])

/**
 * A shell that waits and then becomes a command. Undefined where there is none that is known to hand an environment on as
 * it got it: others set variables of their own, or complain about a locale.
 */
export function waitingShell(): Launch | undefined {
  const [dash, cat] = [findTool('dash'), findTool('cat')]
  return dash === undefined || cat === undefined ? undefined : { file: dash, args: ['-c', WAIT, cat] }
}

/**
 * The same command for a shell that starts it: what the shell would change is set after it, by env(1). `PWD` is what the
 * folder is.
 */
export function throughShell<Command extends PlacedCommand>(command: Command): Command {
  const { launch, env } = command
  const { PWD: _, ...others } = env
  const isOdd = ([name]: [string, string]): boolean => SHELL_VARIABLES.has(name)
  const odd = Object.entries(others).filter(isOdd)
  const plain = Object.fromEntries(Object.entries(others).filter((entry) => !isOdd(entry)))
  const args = [...odd.map(([name, value]) => `${name}=${value}`), launch.file, ...launch.args]
  return { ...command, env: plain, launch: odd.length === 0 ? launch : { file: requireTool('env'), args } }
}

/** What a waiting shell is told to become a command. */
export function scriptOf(command: PlacedCommand): string {
  const { launch, env, cwd } = throughShell(command)
  return [
    ...Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`),
    `cd ${quoted(cwd)} || exit 126`,
    'unset OLDPWD',
    `exec ${[launch.file, ...launch.args].map(quoted).join(' ')}`,
    '',
  ].join('\n')
}

/** One word, whatever is in it (POSIX.1-2024, Shell Command Language, 2.2.2). */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
