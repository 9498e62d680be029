import { KeyFileError } from '../files/key-file.ts'
import { ConfigError } from '../config/config.ts'
import { nearest } from '../config/nearest.ts'
import { helpText } from '../config/describe.ts'
import { StartError } from '../server/data-folder.ts'
import { packageVersion } from '../server/package.ts'
import { outliveStandardStreams, printResult } from './result.ts'

/** What a command gets: words after its name that are not options, and the options. */
export interface CommandLine {
  readonly words: readonly string[]
  readonly options: readonly string[]
}

/** A command resolves to the exit code. */
export type Command = (line: CommandLine) => Promise<number>

/** Each is loaded when it is called for, so that help and refusals come at once. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['serve', async () => (await import('./serve.ts')).serve],
  ['login', async () => (await import('./login.ts')).login],
  ['keys', async () => (await import('./keys.ts')).keys],
  ['config', async () => (await import('./show-config.ts')).showConfig],
  ['migrate', async () => (await import('./migrate.ts')).migrateCommand],
  ['exec', async () => (await import('./exec.ts')).exec],
  ['worker', async () => (await import('./worker.ts')).worker],
])

/** Runs the command that the arguments name. Resolves to the exit code: 0, 1 for a failure, 2 for a wrong call. */
export async function main(args: readonly string[]): Promise<number> {
  outliveStandardStreams()
  const firstOption = args.findIndex((arg) => arg.startsWith('-'))
  const words = firstOption < 0 ? args : args.slice(0, firstOption)
  const line = { words: words.slice(1), options: args.slice(words.length) }
  // What follows `--` belongs to the command that `exec` runs.
  const own = line.options.slice(0, line.options.includes('--') ? line.options.indexOf('--') : undefined)
  if (own.includes('--help') || own.includes('-h') || words[0] === 'help')
    return printResult(helpText(packageVersion()))
  if (own.includes('--version') || own.includes('-v')) return printResult(`${packageVersion()}\n`)
  const load = COMMANDS.get(words[0] ?? 'serve')
  if (load === undefined) return refuse([noCommand(words[0] ?? '')])
  try {
    return await (
      await load()
    )(line)
  } catch (error) {
    if (error instanceof ConfigError) return refuse(error.problems)
    if (error instanceof StartError || error instanceof KeyFileError) {
      console.error(error.message)
      return 1
    }
    throw error
  }
}

function noCommand(word: string): string {
  const name = nearest(
    word,
    [...COMMANDS.keys()].filter((known) => known !== 'worker'),
  )
  return `There is no command ${JSON.stringify(word)}; ${name === null ? 'see --help' : `perhaps ${name} is meant`}.`
}

function refuse(problems: readonly string[]): number {
  for (const problem of problems) console.error(problem)
  return 2
}
