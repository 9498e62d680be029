import { KeyFileError } from '../auth/key-file.ts'
import { ConfigError } from '../config/config.ts'
import { helpText } from '../config/describe.ts'
import { StartError } from '../server/data-folder.ts'
import { packageVersion } from '../server/package.ts'
import { exec } from './exec.ts'
import { login } from './login.ts'
import { keys } from './keys.ts'
import { migrateCommand } from './migrate.ts'
import { serve } from './serve.ts'
import { showConfig } from './show-config.ts'

/** What a command gets: words after its name that are not options, and the options. */
export interface CommandLine {
  readonly words: readonly string[]
  readonly options: readonly string[]
}

/** A command resolves to the exit code. */
export type Command = (line: CommandLine) => Promise<number>

const COMMANDS: Readonly<Record<string, Command>> = {
  serve,
  login,
  keys,
  config: showConfig,
  migrate: migrateCommand,
  exec,
}

/** Runs the command that the arguments name. Resolves to the exit code: 0, 1 for a failure, 2 for a wrong call. */
export async function main(args: readonly string[]): Promise<number> {
  const firstOption = args.findIndex((arg) => arg.startsWith('-'))
  const words = firstOption < 0 ? args : args.slice(0, firstOption)
  const line = { words: words.slice(1), options: args.slice(words.length) }
  if (line.options.includes('--help') || line.options.includes('-h') || words[0] === 'help')
    return print(helpText(packageVersion()))
  if (line.options.includes('--version') || line.options.includes('-v')) return print(`${packageVersion()}\n`)
  const command = COMMANDS[words[0] ?? 'serve']
  if (command === undefined || !Object.hasOwn(COMMANDS, words[0] ?? 'serve'))
    return refuse([`There is no command ${JSON.stringify(words[0])}; see --help.`])
  try {
    return await command(line)
  } catch (error) {
    if (error instanceof ConfigError) return refuse(error.problems)
    if (error instanceof StartError || error instanceof KeyFileError) {
      console.error(error.message)
      return 1
    }
    throw error
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function refuse(problems: readonly string[]): number {
  for (const problem of problems) console.error(problem)
  return 2
}
