import {
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Logger,
  pino,
  stdTimeFunctions,
} from 'pino'
import { LineBuffer } from './line-buffer.ts'
import { prettyLine } from './pretty.ts'
import { redact, redactText } from './redact.ts'

/** Structured log. `info`: one line for each step of a session's life; `debug`: what a developer wants. */
export type Log = Logger

/** Names of levels, loudest last; `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Lines beyond 16 MiB that the reader has not taken are dropped, so that a reader that stalls stalls no terminal. */
const STANDARD_OUTPUT = { fd: 1, sync: false, maxLength: 16_777_216 } as const

let output: DestinationStream | undefined

/**
 * Where lines of this process go unless something else was said; one for all, so that they stay in order. They are
 * written together, within 50 ms, on a crash by an exception, and at the end.
 */
export function standardOutput(): DestinationStream {
  output ??= openStandardOutput()
  return output
}

function openStandardOutput(): DestinationStream {
  const lines = new LineBuffer(pino.destination(STANDARD_OUTPUT))
  // After pino's own listener, which writes what it was given before. What comes now must not wait for a thread.
  process.on('exit', () => lines.passOn(pino.destination({ fd: 1, sync: true })))
  return lines
}

/** How a log is made. */
export interface LogOptions {
  /** Default `info`. */
  readonly level?: LogLevel
  /** `json`: one object a line. `pretty`: one line for people. Default `json`. */
  readonly format?: 'json' | 'pretty'
  /** Where lines go. Default: standard output. */
  readonly destination?: DestinationStream
}

/** Makes a log whose every line passed the redactor, children included. */
export function createLog(options: LogOptions = {}): Log {
  const out = options.destination ?? standardOutput()
  const destination =
    options.format === 'pretty' ? { write: (line: string) => out.write(prettyLine(line)) } : out
  const log = pino(
    {
      level: options.level ?? 'info',
      base: null,
      messageKey: 'msg',
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      serializers: { err: redact, req: redact, res: redact },
      hooks: {
        logMethod(args, method) {
          const [first, ...rest] = args as readonly unknown[]
          // As nearly all lines: fields, which the formatter redacts, and a text.
          const [text] = rest
          if (
            rest.length === 1 &&
            typeof first === 'object' &&
            !(first instanceof Error) &&
            typeof text === 'string'
          )
            return method.call(this, first, redactText(text))
          // pino takes an error's own message as the line's, unredacted.
          const head =
            first instanceof Error ? [{ err: first }, ...(rest.length > 0 ? [] : [first.message])] : [first]
          const cleaned = [...head, ...rest].map((arg, index) =>
            index === 0 && typeof arg !== 'string' ? arg : redact(arg),
          )
          method.apply(this, cleaned as Parameters<typeof method>)
        },
      },
    },
    destination,
  )
  redactChildren(log)
  return log
}

/** pino formats a child's fields before any formatter of ours; children inherit this method from the root. */
function redactChildren(root: Log): void {
  const { child } = Object.getPrototypeOf(root) as { readonly child: Child }
  const redacting: Child = function (bindings, options) {
    return child.call(this, redact(bindings) as Bindings, options)
  }
  Object.defineProperty(root, 'child', { value: redacting })
}

type Child = (this: Log, bindings: Bindings, options?: ChildLoggerOptions) => Log
