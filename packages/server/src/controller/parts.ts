import type { RunnerSecret } from '../auth/runner-secret.ts'
import type { Sealer } from '../auth/sealer.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Log } from '../observability/log.ts'
import type { RunnerRecord } from '../store/runner-row.ts'
import type { RunnerKind } from '../store/runners.ts'
import type { Store } from '../store/store.ts'
import type { RunnerTarget } from './runner-client.ts'

/** What the parts of a controller share. */
export interface Parts {
  readonly store: Store
  readonly driver: Driver
  readonly runnerSecret: RunnerSecret
  readonly sealer: Sealer
  readonly log: Log
}

/** The kind of runner that the driver starts now. */
export function kindOf({ name, policy }: Driver): RunnerKind {
  return { driver: name, policy }
}

/** How to talk to a runner; null while nobody knows where it listens. */
export function targetOf(parts: Pick<Parts, 'runnerSecret'>, runner: RunnerRecord): RunnerTarget | null {
  if (runner.address === null) return null
  return {
    runnerId: runner.id,
    address: runner.address as RunnerTarget['address'],
    secret: parts.runnerSecret.of(runner.id),
  }
}
