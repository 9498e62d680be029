import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  CreateSessionRequest,
  CreateSessionResponse,
  CreateTokenRequest,
  ErrorBody,
  ListSessionsResponse,
  ListTemplatesResponse,
  SessionInfo,
  TerminalAccess,
  UpdateSessionRequest,
} from '@cliscale/sdk/protocol'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import type * as schemas from '../../src/controller/schemas.ts'
import { ErrorBodySchema } from '../../src/http/error-schema.ts'

/** `readonly` is the reader's promise; schemas do not know it. */
type Mutable<T> = T extends object ? { -readonly [Name in keyof T]: Mutable<T[Name]> } : T

/** Compiles only when what the schema lets through is of the contract, and all of the contract passes the schema. */
type Both<Schema extends TSchema, Contract> = [Static<Schema>, Mutable<Contract>] extends [
  Contract,
  Static<Schema>,
]
  ? true
  : { readonly schema: Static<Schema>; readonly contract: Contract }

const same: {
  readonly createSession: Both<typeof schemas.CreateSessionBody, CreateSessionRequest>
  readonly updateSession: Both<typeof schemas.UpdateSessionBody, UpdateSessionRequest>
  readonly createToken: Both<typeof schemas.CreateTokenBody, CreateTokenRequest>
  readonly session: Both<typeof schemas.SessionSchema, SessionInfo>
  readonly terminal: Both<typeof schemas.TerminalSchema, TerminalAccess>
  readonly created: Both<typeof schemas.CreatedSchema, CreateSessionResponse>
  readonly list: Both<typeof schemas.SessionListSchema, ListSessionsResponse>
  readonly templates: Both<typeof schemas.TemplateListSchema, ListTemplatesResponse>
} = {
  createSession: true,
  updateSession: true,
  createToken: true,
  session: true,
  terminal: true,
  created: true,
  list: true,
  templates: true,
}

test('what the schemas of the routes say is what the contract says', () => {
  assert.ok(Object.values(same).every(Boolean))
})

test('the schema of errors takes an error of the contract', () => {
  const body: ErrorBody = {
    error: { code: 'NOT_FOUND', message: 'x', requestId: 'r', details: [{ field: '/a', problem: 'p' }] },
  }
  assert.ok(Value.Check(ErrorBodySchema, body))
  assert.ok(!Value.Check(ErrorBodySchema, { error: { ...body.error, code: 'MADE_UP' } }))
})
