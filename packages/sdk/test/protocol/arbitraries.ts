import * as fc from 'fast-check'
import {
  type ClientMessage,
  END_REASONS,
  PHASES,
  type PhaseReport,
  ROLES,
  type ServerMessage,
  type SessionExit,
  type TerminalError,
} from '../../src/protocol/index.ts'

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength })
const offset = fc.maxSafeNat()
const columns = fc.integer({ min: 1, max: 1000 })
const rows = fc.integer({ min: 1, max: 500 })
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ maxLength: maxLength / 2, unit: 'grapheme' }).filter((value) => value.length <= maxLength)

/** Like `fc.record`, with ordinary objects: JSON yields no others. */
function record<T extends object>(fields: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  const made: unknown = fc.record(fields, { noNullPrototype: true })
  return made as fc.Arbitrary<T>
}

/** Leaves fields out that are undefined, as JSON does. */
function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T
}

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })

export const phaseReports = record({
  phase: fc.constantFrom(...PHASES),
  message: optional(text(200)),
  progress: optional(
    record({
      done: offset,
      total: fc.option(offset, { nil: null }),
      unit: fc.constantFrom('bytes' as const, 'entries' as const),
    }),
  ),
  queuePosition: optional(fc.integer({ min: 1, max: 10_000 })),
}).map((report) => compact(report) as PhaseReport)

export const exits = record({
  code: fc.option(fc.integer({ min: 0, max: 255 }), { nil: null }),
  signal: fc.option(fc.constantFrom('SIGKILL', 'SIGTERM', 'SIGHUP'), { nil: null }),
  reason: fc.constantFrom(...END_REASONS),
  failure: optional(
    record({ code: text(60), message: text(200), hint: optional(text(200)) }).map((failure) =>
      compact(failure),
    ),
  ),
}).map((exit) => compact(exit) as SessionExit)

export const clientMessages: fc.Arbitrary<ClientMessage> = fc.oneof(
  record({
    type: fc.constant('hello' as const),
    columns,
    rows,
    v: optional(fc.integer({ min: 1, max: 9 })),
    client: optional(text(60)),
    resume: optional(record({ epoch: text(60), offset })),
    input: optional(offset),
  }).map((hello) => compact(hello) as ClientMessage),
  record({ type: fc.constant('input' as const), data: bytes(4_096) }),
  record({ type: fc.constant('resize' as const), columns, rows }),
  record({ type: fc.constantFrom('pause' as const, 'resume' as const, 'drive' as const) }),
  record({ type: fc.constant('credit' as const), offset }),
  record({ type: fc.constant('heartbeat' as const), data: bytes(32) }),
)

export const serverMessages: fc.Arbitrary<ServerMessage> = fc.oneof(
  record({ type: fc.constantFrom('output' as const, 'snapshot' as const), data: bytes(4_096) }),
  record({ type: fc.constant('title' as const), title: text(200) }),
  record({
    type: fc.constant('preferences' as const),
    preferences: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.boolean(), fc.integer()), {
      noNullPrototype: true,
    }),
  }),
  record({ type: fc.constant('phase' as const), report: phaseReports }),
  record({
    type: fc.constant('ready' as const),
    epoch: text(60),
    offset,
    mode: fc.constantFrom('fresh' as const, 'delta' as const, 'snapshot' as const),
    truncatedFrom: optional(offset),
    replayBytes: offset,
    inputOffset: offset,
    columns,
    rows,
    role: fc.constantFrom(...ROLES),
    driver: fc.boolean(),
  }).map((ready) => compact(ready) as ServerMessage),
  record({ type: fc.constant('inputAck' as const), offset }),
  record({
    type: fc.constant('size' as const),
    columns,
    rows,
    driver: fc.boolean(),
    clients: fc.integer({ min: 0, max: 64 }),
  }),
  record({ type: fc.constant('exit' as const), exit: exits }),
  record({
    type: fc.constant('error' as const),
    error: record({
      code: fc.constantFrom('TOKEN_USED', 'A_CODE_OF_A_NEWER_SERVER'),
      message: text(200),
      retryable: fc.boolean(),
      retryAfterMs: optional(fc.nat()),
      requestId: optional(text(60)),
    }).map((error) => compact(error) as TerminalError),
  }),
  record({ type: fc.constant('heartbeat' as const), data: bytes(32) }),
)
