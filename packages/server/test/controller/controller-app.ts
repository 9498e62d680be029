import type { IdentityVerifier } from '../../src/auth/identity.ts'
import { parseConfig } from '../../src/config/parse.ts'
import type { Controller } from '../../src/controller/controller.ts'
import type { Driver } from '../../src/drivers/driver.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { createLog } from '../../src/observability/log.ts'
import type { ControllerOverrides } from '../../src/server/controller-role.ts'
import { type CliscaleServer, createServerWith } from '../../src/server.ts'
import type { Store } from '../../src/store/store.ts'

/** Lines of the log that are kept: few, because a test measures what a controller leaves in memory. */
const KEPT_LINES = 100

/** What a test may want to be different. */
export interface ControllerChanges extends ControllerOverrides {
  /** Flags of `cliscale-server`, as in `['--max-sessions=1']`. */
  readonly flags?: readonly string[]
}

/** A server of mode `controller`. */
export interface ControllerApp {
  readonly url: string
  readonly controller: Controller
  /** Another on the same folder, which sees the runners of the server's own. */
  readonly driver: Driver
  readonly store: Store
  /** What it logged last. */
  readonly logged: () => string
  close(): Promise<void>
}

/** Lets a test be an end user of the project `p1`: `Authorization: User <name>`. */
const testUser: IdentityVerifier = {
  verify: async ({ headers }) => {
    const subject = /^User (\S+)$/.exec(headers.authorization ?? '')?.[1]
    if (subject === undefined) return null
    return {
      subject,
      project: 'p1',
      actsForOthers: false,
      ambient: false,
      scopes: ['sessions:read', 'sessions:write'],
    }
  },
}

/** Starts it on a free port. Unless the test says otherwise it keeps no spare runner, and runners do not linger. */
export async function startControllerApp(
  connectionString: string,
  dataFolder: string,
  { flags = [], ...overrides }: ControllerChanges = {},
): Promise<ControllerApp> {
  const own = [
    '--mode=controller',
    '--port=0',
    '--internal-port=0',
    '--spare-runners=0',
    `--data-dir=${dataFolder}`,
  ]
  const config = parseConfig([...own, ...flags], { DATABASE_URL: connectionString })
  const lines: string[] = []
  const keep = (line: string): void => void (lines.push(line) > KEPT_LINES && lines.shift())
  const log = createLog({ destination: { write: keep } })
  const server = createServerWith(config, log, {
    verifiers: [testUser],
    overrides: { lingerMs: 0, ...overrides },
  })
  await server.start()
  const driver = await createProcessDriver({ dataFolder, isolation: 'none', log })
  const close = async (): Promise<void> => {
    await server.close()
    await driver.close()
  }
  return { ...partsOf(server), driver, url: server.url, logged: () => lines.join(''), close }
}

function partsOf({ core }: CliscaleServer): Pick<ControllerApp, 'controller' | 'store'> {
  if (core.controller === null) throw new Error('A server of mode controller has a controller.')
  return { controller: core.controller.controller, store: core.storage.store }
}
