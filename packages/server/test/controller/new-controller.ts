import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type {
  CreateSessionRequest,
  CreateSessionResponse,
  SessionInfo,
  SessionState,
} from '@cliscale/sdk/protocol'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { createLog } from '../../src/observability/log.ts'
import { backwards } from '../support/backwards.ts'
import { testDatabase } from '../support/database.ts'
import { tellLogOfFailure } from '../support/tell-log.ts'
import { waitFor } from '../support/wait-for.ts'
import { type ControllerApp, type ControllerChanges, startControllerApp } from './controller-app.ts'

/** One answer of the API. */
export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

/** A controller for one test, and the calls that tests make. */
export interface TestController extends ControllerApp {
  readonly dataFolder: string
  readonly key: string
  readonly connectionString: string
  /** One call of the API, with the project's key unless `authorization` says otherwise. */
  call<T>(method: string, path: string, options?: CallOptions): Promise<Answer<T>>
  /** Starts a session and expects 201. */
  create(body?: CreateSessionRequest, options?: CallOptions): Promise<CreateSessionResponse>
  /** Waits until a session is in one of the states. */
  reaches(id: string, ...states: SessionState[]): Promise<SessionInfo>
}

/** Options of one call. */
export interface CallOptions {
  readonly body?: unknown
  readonly authorization?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Starts a controller on a database and a data folder of its own. */
export async function newController(
  t: TestContext,
  changes: ControllerChanges = {},
): Promise<TestController> {
  const cleanup = backwards(t)
  const { store, connectionString } = await testDatabase(cleanup)
  const dataFolder = mkdtempSync(join(tmpdir(), 'cs-ctl-'))
  await store.projects.ensure('p1', 'One')
  const scopes = ['sessions:read', 'sessions:write'] as const
  const { secret } = await createApiKey(store.apiKeys, { project: 'p1', name: 'test', scopes })
  const app = await startControllerApp(connectionString, dataFolder, changes)
  tellLogOfFailure(cleanup, 'the controller', app.logged)
  cleanup.after(async () => {
    await app.close()
    await sweep(dataFolder)
  })
  return withCalls(app, { dataFolder, key: secret, connectionString })
}

/** The calls on a controller that runs somewhere. */
export function withCalls(
  app: ControllerApp,
  given: { dataFolder: string; key: string; connectionString: string },
): TestController {
  const call = async <T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> => {
    const response = await fetch(`${app.url}${path}`, {
      method,
      headers: {
        authorization: options.authorization ?? `Bearer ${given.key}`,
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? null : JSON.parse(text)) as T,
    }
  }
  return {
    ...app,
    ...given,
    call,
    create: async (body = {}, options = {}) => {
      const made = await call<CreateSessionResponse>('POST', '/v1/sessions', { body, ...options })
      assert.equal(made.status, 201, JSON.stringify(made.body))
      return made.body
    },
    reaches: async (id, ...states) => {
      let last: SessionInfo | undefined
      try {
        return await waitFor(
          async () => {
            last = (await app.store.sessions.find(id))?.info
            return last !== undefined && states.includes(last.state) && last
          },
          { what: `session ${id} to be ${states.join(' or ')}`, withinMs: 15_000 },
        )
      } catch (error) {
        throw new Error(`${String(error)}; it is ${JSON.stringify(last)}`, { cause: error })
      }
    },
  }
}

/** Ends every runner of a data folder and removes the folder. */
export async function sweep(dataFolder: string): Promise<void> {
  const driver = await createProcessDriver({
    dataFolder,
    isolation: 'none',
    log: createLog({ level: 'silent' }),
  })
  for (const { runnerId } of await driver.list()) await driver.stop(runnerId, { graceMs: 0 })
  await driver.close()
  rmSync(dataFolder, { recursive: true, force: true })
}
