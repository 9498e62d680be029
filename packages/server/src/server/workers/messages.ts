import { isObject } from '@cliscale/sdk/protocol'
import type { Config } from '../../config/config.ts'
import type { HealthReport } from '../../observability/health.ts'
import type { MetricsSnapshot } from '../../observability/metrics.ts'

/** What a worker is told first. It travels over the channel, because it holds the address of the database. */
export interface WorkerTask {
  /** Mode `gateway`, the port chosen, the log's format decided. */
  readonly config: Config
  /** Unix socket of the controller that serves what is no terminal; null in mode `gateway`. */
  readonly controller: string | null
  /** Counts from 1 and is kept over restarts. */
  readonly number: number
}

/** What a worker can be asked. */
export interface Answers {
  readonly metrics: MetricsSnapshot
  readonly health: HealthReport
}

/** From the supervisor to a worker. */
export type ToWorker =
  | { readonly type: 'serve'; readonly task: WorkerTask }
  | { readonly type: 'drain'; readonly windowMs: number }
  | { readonly type: 'ask'; readonly id: number; readonly what: keyof Answers }

/** From a worker to its supervisor. */
export type FromWorker =
  | { readonly type: 'listening' }
  /** It cannot start; the sentence is for the operator. */
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answers[keyof Answers] | null }

/** True for what our own processes send each other; the channel carries messages of Node's as well. */
export function isMessage(value: unknown): value is ToWorker | FromWorker {
  return isObject(value) && typeof value.type === 'string'
}
