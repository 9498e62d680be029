import { type Config, ConfigError, type OptionValues } from '../config/config.ts'
import { knownBounds } from '../config/session-bounds.ts'
import { processEnvironment } from '../config/environment.ts'
import { parseConfig } from '../config/parse.ts'
import { createLog, type Log } from '../observability/log.ts'
import type { CommandLine } from './main.ts'

/** The configuration of a command that takes no words of its own. @throws {ConfigError} */
export function configOf({ words, options }: CommandLine): Config {
  const problems = words.map((word) => `There is nothing called ${JSON.stringify(word)} here; see --help.`)
  try {
    const config = parseConfig(options, processEnvironment())
    if (problems.length === 0) return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError([...problems, ...error.problems], error.readable)
  }
  throw new ConfigError(problems)
}

/** The same, with the files that it names, for commands that use them. @throws {ConfigError} with the problems of all */
export async function checkedConfigOf(line: CommandLine): Promise<Config> {
  try {
    const config = configOf(line)
    const problems = await templateProblems(config)
    if (problems.length === 0) return config
    throw new ConfigError(problems)
  } catch (error) {
    if (!(error instanceof ConfigError) || error.readable.templates === undefined) throw error
    throw new ConfigError([...error.problems, ...(await templateProblems(error.readable))])
  }
}

async function templateProblems(config: Partial<OptionValues>): Promise<readonly string[]> {
  const { mode, templates } = config
  if (mode === 'gateway' || templates === undefined || templates === null) return []
  const { loadTemplates, TemplatesFileError } = await import('../controller/templates/load.ts')
  try {
    await loadTemplates(templates, { bounds: knownBounds(config) })
    return []
  } catch (error) {
    if (error instanceof TemplatesFileError) return error.problems
    throw error
  }
}

/** The log as configured: for people on a terminal, JSON elsewhere. */
export function logOf({ logFormat, logLevel }: Config): Log {
  const format = logFormat === 'auto' ? (process.stdout.isTTY ? 'pretty' : 'json') : logFormat
  return createLog({ level: logLevel, format })
}

/** A log for commands whose standard output is their result: faults only, unless another level was asked for. */
export function quietLog(config: Config): Log {
  const destination = { write: (line: string) => void process.stderr.write(line) }
  return createLog({
    level: config.logLevel === 'info' ? 'error' : config.logLevel,
    format: 'pretty',
    destination,
  })
}
