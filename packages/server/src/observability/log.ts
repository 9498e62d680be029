import {
  type Bindings,
  type ChildLoggerOptions,
  type DestinationStream,
  type Logger,
  pino,
  stdTimeFunctions,
} from 'pino'
import { LineBuffer } from './line-buffer.ts'
import { type LossReason, Output } from './output.ts'
import { prettyLine } from './pretty.ts'
import { redact, redactText } from './redact.ts'

/** Structured log. `info`: one line for each step of a session's life; `debug`: what a developer wants. */
export type Log = Logger

/** Names of levels, loudest last; `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number]

let opened: { readonly output: Output; readonly lines: LineBuffer } | undefined

/** Standard output; one for all logs of the process, so that lines stay in order. */
function open(): { readonly output: Output; readonly lines: LineBuffer } {
  if (opened !== undefined) return opened
  const output = new Output()
  const lines = new LineBuffer(output)
  process.on('exit', () => {
    lines.passOn()
    output.end()
  })
  opened = { output, lines }
  return opened
}

/**
 * Where lines of this process go unless something else was said. They are written together, within 50 ms, on a crash by
 * an exception, and at the end. Lines that cannot be written, and those beyond 16 MiB that the reader has not taken, are
 * dropped and counted, so that a log that is lost or stalls neither stalls nor ends the server.
 */
export function standardOutput(): DestinationStream {
  return open().lines
}

/** Lines that did not arrive on standard output, by reason. */
export function droppedLines(): Readonly<Record<LossReason, number>> {
  return opened?.output.dropped ?? NOTHING_DROPPED
}

const NOTHING_DROPPED = { failed: 0, behind: 0 } as const

/** Says in the log how many lines were lost, once it is back. */
function tellLosses(log: Log): void {
  open().output.onBack = ({ lines, reason }) =>
    log.warn({ lines, reason }, 'Lines of this log are lost; it could not be written for a while')
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
  if (options.destination === undefined) tellLosses(log)
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
