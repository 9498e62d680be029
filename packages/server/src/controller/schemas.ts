import {
  ARGS,
  COLUMNS,
  END_REASONS,
  ENV,
  IDLE_TIMEOUT_SECONDS,
  ISOLATIONS,
  LIFETIME_SECONDS,
  LIMIT_KINDS,
  MAX_PATH_LENGTH,
  METADATA,
  PAGE_SIZE,
  PHASES,
  RECORDING_MODES,
  RECORDING_STATES,
  ROLES,
  ROWS,
  SESSION_STATES,
  TEMPLATE_OVERRIDES,
  type TemplateOpening,
  TOKEN_TTL_SECONDS,
} from '@cliscale/sdk/protocol'
import { Type } from 'typebox'

/** Requests refuse what they do not know; answers may grow. */
const closed = { additionalProperties: false }

/** Text that can be an argument, a variable or a path of a process: no zero bytes. */
const NO_ZERO = '^[^\\u0000]*$'

const Time = Type.String({ format: 'date-time' })
const nullable = <T extends Type.TSchema>(schema: T): Type.TUnion<[T, Type.TNull]> =>
  Type.Union([schema, Type.Null()])

export const EnvSchema = Type.Record(
  Type.String(),
  Type.String({ maxLength: ENV.maxTotalBytes, pattern: NO_ZERO }),
  {
    propertyNames: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,255}$' },
    maxProperties: ENV.maxEntries,
  },
)

export const BundleSchema = Type.Object(
  {
    url: Type.String({ pattern: '^https?://', maxLength: MAX_PATH_LENGTH }),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  },
  closed,
)

const MetadataSchema = Type.Record(
  Type.String(),
  Type.String({ maxLength: METADATA.maxValueLength, pattern: NO_ZERO }),
  {
    propertyNames: { type: 'string', minLength: 1, maxLength: METADATA.maxKeyLength, pattern: NO_ZERO },
    maxProperties: METADATA.maxEntries,
  },
)

export const RecordingModeSchema = Type.Enum([...RECORDING_MODES])

const Lifetime = Type.Integer({ minimum: LIFETIME_SECONDS.min, maximum: LIFETIME_SECONDS.max })
const Owner = Type.String({ minLength: 1, maxLength: 256, pattern: NO_ZERO })

export const CreateSessionBody = Type.Object(
  {
    template: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
    command: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_PATH_LENGTH, pattern: NO_ZERO })),
    args: Type.Optional(
      Type.Array(Type.String({ maxLength: ARGS.maxLength, pattern: NO_ZERO }), { maxItems: ARGS.maxEntries }),
    ),
    env: Type.Optional(EnvSchema),
    secrets: Type.Optional(EnvSchema),
    cwd: Type.Optional(Type.String({ maxLength: MAX_PATH_LENGTH, pattern: NO_ZERO })),
    bundle: Type.Optional(BundleSchema),
    recording: Type.Optional(RecordingModeSchema),
    columns: Type.Optional(Type.Integer({ minimum: COLUMNS.min, maximum: COLUMNS.max })),
    rows: Type.Optional(Type.Integer({ minimum: ROWS.min, maximum: ROWS.max })),
    lifetimeSeconds: Type.Optional(Lifetime),
    idleTimeoutSeconds: Type.Optional(
      Type.Integer({ minimum: IDLE_TIMEOUT_SECONDS.min, maximum: IDLE_TIMEOUT_SECONDS.max }),
    ),
    metadata: Type.Optional(MetadataSchema),
    owner: Type.Optional(Owner),
  },
  closed,
)

export const UpdateSessionBody = Type.Object(
  { lifetimeSeconds: Type.Optional(Lifetime), metadata: Type.Optional(MetadataSchema) },
  { ...closed, minProperties: 1 },
)

export const CreateTokenBody = Type.Object(
  {
    role: Type.Optional(Type.Enum([...ROLES])),
    ttlSeconds: Type.Optional(
      Type.Integer({ minimum: TOKEN_TTL_SECONDS.min, maximum: TOKEN_TTL_SECONDS.max }),
    ),
  },
  closed,
)

/** `metadata[key]=value` filters travel as fields of that very name. */
export const ListSessionsQuerySchema = Type.Object(
  {
    state: Type.Optional(Type.Enum([...SESSION_STATES, 'live'])),
    owner: Type.Optional(Owner),
    limit: Type.Optional(Type.Integer({ minimum: PAGE_SIZE.min, maximum: PAGE_SIZE.max })),
    cursor: Type.Optional(Type.String({ maxLength: 256 })),
  },
  {
    patternProperties: {
      [`^metadata\\[[^\\]\\u0000]{1,${METADATA.maxKeyLength}}\\]$`]: Type.String({
        maxLength: METADATA.maxValueLength,
      }),
    },
    ...closed,
  },
)

export const SessionParams = Type.Object({ id: Type.String({ maxLength: 128 }) })

const FailureSchema = Type.Object({
  code: Type.String(),
  message: Type.String(),
  hint: Type.Optional(Type.String()),
})

const ExitSchema = Type.Object({
  code: nullable(Type.Integer()),
  signal: nullable(Type.String()),
  reason: Type.Enum([...END_REASONS]),
  failure: Type.Optional(FailureSchema),
})

const PhaseSchema = Type.Object({
  phase: Type.Enum([...PHASES]),
  message: Type.Optional(Type.String()),
  progress: Type.Optional(
    Type.Object({
      done: Type.Integer(),
      total: nullable(Type.Integer()),
      unit: Type.Enum(['bytes', 'entries']),
    }),
  ),
  queuePosition: Type.Optional(Type.Integer()),
})

const RecordingSchema = Type.Object({
  mode: Type.Enum(['output', 'output-and-input']),
  state: Type.Enum([...RECORDING_STATES]),
  bytes: nullable(Type.Integer()),
  truncated: Type.Boolean(),
})

const HeldLimitSchema = Type.Object({
  value: Type.Number({ exclusiveMinimum: 0 }),
  by: Type.Enum([...LIMIT_KINDS]),
})

const SessionLimitsSchema = Type.Object({
  processes: nullable(HeldLimitSchema),
  memoryBytes: nullable(HeldLimitSchema),
  cpus: nullable(HeldLimitSchema),
  openFiles: nullable(HeldLimitSchema),
  diskBytes: nullable(HeldLimitSchema),
})

export const SessionSchema = Type.Object({
  id: Type.String(),
  state: Type.Enum([...SESSION_STATES]),
  phase: nullable(PhaseSchema),
  template: Type.String(),
  command: Type.String(),
  args: Type.Array(Type.String()),
  owner: Type.String(),
  project: Type.String(),
  metadata: Type.Record(Type.String(), Type.String()),
  columns: Type.Integer(),
  rows: Type.Integer(),
  isolation: Type.Enum([...ISOLATIONS]),
  limits: nullable(SessionLimitsSchema),
  lifetimeSeconds: Type.Integer(),
  idleTimeoutSeconds: Type.Integer(),
  createdAt: Time,
  startedAt: nullable(Time),
  endedAt: nullable(Time),
  expiresAt: Time,
  endReason: nullable(Type.Enum([...END_REASONS])),
  exit: nullable(ExitSchema),
  failure: nullable(FailureSchema),
  recording: nullable(RecordingSchema),
})

export const TerminalSchema = Type.Object({
  url: Type.String(),
  token: Type.String(),
  expiresAt: Time,
  role: Type.Enum([...ROLES]),
})

export const CreatedSchema = Type.Object({ session: SessionSchema, terminal: TerminalSchema })

export const SessionListSchema = Type.Object({
  sessions: Type.Array(SessionSchema),
  nextCursor: nullable(Type.String()),
})

/** `env` and `secrets` may be followed by the name of one variable. */
const OpeningSchema = Type.Unsafe<TemplateOpening>(
  Type.String({ pattern: `^(${TEMPLATE_OVERRIDES.join('|')}|(env|secrets)\\.[A-Za-z_][A-Za-z0-9_]*)$` }),
)

export const TemplateListSchema = Type.Object({
  templates: Type.Array(
    Type.Object({
      name: Type.String(),
      title: Type.String(),
      description: Type.String(),
      command: Type.String(),
      args: Type.Array(Type.String()),
      recording: RecordingModeSchema,
      allow: Type.Array(OpeningSchema),
    }),
  ),
})
