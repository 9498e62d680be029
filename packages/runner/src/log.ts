/** Levels of the runner's log, loudest last. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Fields of a log line. Nothing of a session's environment, input or output may be among them. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/** Writes JSON lines to standard error: `{level, time, msg, …fields}`. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

/**
 * A log of the given level. A library would be the larger part of an idle runner's start; this is the whole need.
 *
 * @param bound fields of every line
 */
export function createLog(level: LogLevel, bound: LogFields): Log {
  const least = LOG_LEVELS.indexOf(level)
  const at = (name: LogLevel) => {
    const enabled = LOG_LEVELS.indexOf(name) >= least
    return (msg: string, fields?: LogFields): void => {
      if (!enabled) return
      process.stderr.write(`${JSON.stringify({ level: name, time: Date.now(), ...bound, ...fields, msg })}\n`)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
