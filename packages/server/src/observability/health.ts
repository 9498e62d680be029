/** Null when all is well, one sentence on what is wrong, or a note on something that can be lived with. */
export type Finding = string | null | { readonly note: string }

/** Finds out about one part. */
export type Check = () => Promise<Finding> | Finding

/** What `/healthz` and `/readyz` answer. */
export interface HealthReport {
  readonly ok: boolean
  /** Part → `ok` or one sentence; a sentence need not make the server unfit. */
  readonly checks: Readonly<Record<string, string>>
}

/** Settings of {@link Health}. */
export interface HealthOptions {
  /** Longest wait for one check. Default 2,000. */
  readonly timeoutMs?: number
  /** Told when a check throws. */
  readonly onError?: (name: string, error: unknown) => void
}

/**
 * Parts tell here whether they can do their work. A check of kind `ready` takes the server out of the balancer; a
 * check of kind `live` says that only a restart would help, so it must not depend on anything outside the process.
 */
export class Health {
  readonly #checks = new Map<string, { readonly kind: 'live' | 'ready'; readonly check: Check }>()
  readonly #timeoutMs: number
  readonly #onError: (name: string, error: unknown) => void
  #draining = false

  constructor(options: HealthOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? 2_000
    this.#onError = options.onError ?? (() => undefined)
  }

  /** Adds or replaces a part's check. */
  register(name: string, kind: 'live' | 'ready', check: Check): void {
    this.#checks.set(name, { kind, check })
  }

  /** From now on the server is not ready, whatever the checks say. */
  drain(): void {
    this.#draining = true
  }

  /** True once {@link drain} was called. */
  get draining(): boolean {
    return this.#draining
  }

  /** Runs the checks of a kind; those of kind `live` count for `ready` too. */
  async report(kind: 'live' | 'ready'): Promise<HealthReport> {
    const wanted = [...this.#checks].filter(([, entry]) => kind === 'ready' || entry.kind === 'live')
    const results = await Promise.all(
      wanted.map(async ([name, { check }]) => [name, await this.#run(name, check)] as const),
    )
    const findings = Object.fromEntries(results)
    if (kind === 'ready' && this.#draining) findings.server = 'The server is about to stop.'
    const checks = Object.fromEntries(Object.entries(findings).map(([name, found]) => [name, textOf(found)]))
    return { ok: Object.values(findings).every((found) => typeof found !== 'string'), checks }
  }

  async #run(name: string, check: Check): Promise<Finding> {
    const { promise, resolve } = Promise.withResolvers<Finding>()
    const timer = setTimeout(() => resolve(`No answer within ${this.#timeoutMs} ms.`), this.#timeoutMs)
    const answer = async (): Promise<Finding> => check()
    answer().then(resolve, (error: unknown) => {
      this.#onError(name, error)
      resolve('The check failed; the log says why.')
    })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
    }
  }
}

function textOf(found: Finding): string {
  if (found === null) return 'ok'
  return typeof found === 'string' ? found : found.note
}
