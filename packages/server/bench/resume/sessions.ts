import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RunnerSecret } from '../../src/auth/runner-secret.ts'
import { assign, type RunnerTarget, status, stop } from '../../src/controller/runner-client.ts'
import type { Driver, RunnerAddress } from '../../src/drivers/driver.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import {
  pathsOf,
  prepareFolders,
  type RunnerFolders,
} from '../../src/drivers/process/folders/runner-folder.ts'
import { chooseRange } from '../../src/drivers/process/isolation/session-users.ts'
import { createLog } from '../../src/observability/log.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { prepareDataFolder } from '../../src/server/data-folder.ts'
import type { Controlplane } from '../gateway/control-plane.ts'
import type { Hosted } from './host.ts'
import { Watch } from './numbers.ts'

/** A session of the bench. */
export interface BenchSession {
  readonly sessionId: string
  readonly runnerId: string
}

/** Puts out a numbered line again and again until told to stop, and writes down what is typed. */
function script(everyMs: number): string {
  return [
    'stty raw -echo',
    'exec 3<&0',
    'cat <&3 > input & i=0',
    `while [ ! -e stop ]; do printf '%07d\\n' $i; i=$((i+1)); sleep ${everyMs / 1_000}; done`,
    'sleep 600',
  ].join('; ')
}

/** Sessions in the real database: some with real runners and PTYs, the others with a runner that a host plays. */
export class BenchSessions {
  readonly #plane: Controlplane
  readonly #store: Store
  readonly #driver: Driver
  readonly #folders: RunnerFolders
  readonly #secret: RunnerSecret
  readonly #real: (BenchSession & { readonly target: RunnerTarget })[] = []
  readonly #close: () => Promise<void>

  private constructor(parts: {
    plane: Controlplane
    store: Store
    driver: Driver
    folders: RunnerFolders
    secret: RunnerSecret
    close: () => Promise<void>
  }) {
    this.#plane = parts.plane
    this.#store = parts.store
    this.#driver = parts.driver
    this.#folders = parts.folders
    this.#secret = parts.secret
    this.#close = parts.close
  }

  static async open(plane: Controlplane): Promise<BenchSessions> {
    const { runnerKey } = await prepareDataFolder(plane.dataDir)
    const database = openDatabase({ connectionString: plane.connectionString })
    const log = createLog({ level: 'silent' })
    const driver = await createProcessDriver({ dataFolder: plane.dataDir, isolation: 'none', log })
    const anyUser = process.getuid?.() === 0 ? (await chooseRange(null)).first : null
    const folders = await prepareFolders(plane.dataDir, anyUser)
    const secret = await RunnerSecret.fromFile(runnerKey)
    const close = async (): Promise<void> => {
      await driver.close()
      await database.close()
    }
    return new BenchSessions({ plane, store: createStore(database), driver, folders, secret, close })
  }

  /** A session whose runner a host plays. */
  async hosted(socketPath: string): Promise<BenchSession> {
    return this.#insert(`run_${randomBytes(17).toString('base64url')}`, `unix:${socketPath}`)
  }

  /** A session with a runner and a PTY of its own. */
  async real(everyMs: number): Promise<BenchSession> {
    const runnerId = `run_${randomBytes(17).toString('base64url')}`
    const secret = this.#secret.of(runnerId)
    const up = Promise.withResolvers<RunnerAddress>()
    const unwatch = this.#driver.watch((runner) => {
      if (runner.runnerId === runnerId && runner.state === 'up' && runner.address) up.resolve(runner.address)
    })
    await this.#driver.start({ runnerId, secret }, AbortSignal.timeout(30_000))
    const target = { runnerId, secret, address: await up.promise }
    unwatch()
    const session = await this.#insert(runnerId, target.address)
    const order = {
      sessionId: session.sessionId,
      command: '/bin/sh',
      args: ['-c', script(everyMs)],
      env: {},
      columns: 80,
      rows: 24,
      expiresAtMs: Date.now() + 3_600_000,
      idleTimeoutMs: 0,
    }
    await assign(target, order, AbortSignal.timeout(10_000))
    this.#real.push({ ...session, target })
    return session
  }

  /** A token for a terminal. */
  async token(sessionId: string): Promise<string> {
    return (await this.#plane.tokens(sessionId, 1))[0] ?? ''
  }

  /** Stops the programs of the real runners; they stay and can be read. */
  async stopPrograms(): Promise<void> {
    for (const { runnerId } of this.#real) await writeFile(join(this.#work(runnerId), 'stop'), '')
  }

  /** What the real runners put out and got. */
  async report(): Promise<Hosted[]> {
    return await Promise.all(
      this.#real.map(async ({ runnerId, target }) => {
        const { outputOffset } = await status(target, AbortSignal.timeout(10_000))
        const input = new Watch()
        input.add(await readFile(join(this.#work(runnerId), 'input')))
        return { runnerId, emitted: outputOffset, input: input.seen }
      }),
    )
  }

  /** Ends the real runners. */
  async close(): Promise<void> {
    for (const { runnerId, target } of this.#real) {
      await stop(target, { reason: 'killed', graceMs: 0 }, AbortSignal.timeout(5_000)).catch(() => undefined)
      await this.#driver.stop(runnerId, { graceMs: 0 })
    }
    await this.#close()
  }

  #work(runnerId: string): string {
    return pathsOf(this.#folders, runnerId).home
  }

  async #insert(runnerId: string, address: string): Promise<BenchSession> {
    const { sessions, runners } = this.#store
    const sessionId = `ses_${randomBytes(17).toString('base64url')}`
    const jti = randomBytes(16).toString('base64url')
    await sessions.create({
      session: {
        id: sessionId,
        project: 'bench',
        owner: 'bench',
        template: 'shell',
        command: 'sh',
        args: [],
        metadata: {},
        columns: 80,
        rows: 24,
        isolation: 'none',
        lifetimeSeconds: 86_400,
        idleTimeoutSeconds: 0,
      },
      token: { jti, role: 'driver', expiresAt: new Date(Date.now() + 60_000), accessId: null },
      sealed: new Uint8Array([1]),
      claimBlank: null,
    })
    await runners.insert({ id: runnerId, driver: 'process', policy: 'test', sessionId })
    await runners.markUp(runnerId, { address, externalId: '1' })
    await runners.markAssigned(runnerId, sessionId)
    return { sessionId, runnerId }
  }
}
