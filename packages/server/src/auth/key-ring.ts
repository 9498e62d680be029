import type { Log } from '../observability/log.ts'
import {
  decideRotation,
  ROTATION,
  type RotationSettings,
  type RotationStep,
  type Signer,
  type SigningKeyRecord,
  type SigningKeyStore,
} from './signing-keys.ts'

const MAX_ROUNDS = 5

/** What a {@link KeyRing} needs. */
export interface KeyRingOptions {
  readonly store: SigningKeyStore
  readonly signer: Signer
  readonly log: Log
  readonly settings?: RotationSettings
  /** How often rotation is looked at, in milliseconds. Default one minute. */
  readonly everyMs?: number
  readonly now?: () => number
}

/**
 * Keeps one signing key active and moves keys through their states while the server runs. Several controllers may do
 * so on one database and one folder: the database lets exactly one of them activate.
 */
export class KeyRing {
  readonly #options: KeyRingOptions
  #active: string | null = null
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(options: KeyRingOptions) {
    this.#options = options
  }

  /** Makes sure that there is an active key and begins to rotate. @throws {KeyFileError} */
  async start(): Promise<void> {
    await this.rotate()
    this.#timer = setInterval(() => {
      this.#turn = this.rotate().catch((error: unknown) => {
        this.#options.log.warn({ err: error }, 'Signing keys could not be looked after; trying again soon')
      })
    }, this.#options.everyMs ?? 60_000)
    this.#timer.unref()
  }

  /** Ends the rotation and waits for a running turn. Safe to call twice. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#turn
  }

  /** The key that signs now. */
  async activeKid(): Promise<string> {
    if (this.#active === null) await this.rotate()
    if (this.#active === null) throw new Error('There is no active signing key.')
    return this.#active
  }

  /** Signs with a key that is or was active a moment ago. */
  async sign(kid: string, data: Uint8Array): Promise<Buffer> {
    return this.#options.signer.sign(kid, data)
  }

  /** One turn: takes every step that is due now. */
  async rotate(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const keys = await this.#options.store.list()
      const held = await this.#held(keys)
      const now = (this.#options.now ?? Date.now)()
      const steps = decideRotation(now, keys, held, this.#options.settings ?? ROTATION)
      this.#active = keys.find((key) => key.state === 'active' && held.has(key.kid))?.kid ?? null
      if (steps.length === 0) return
      for (const step of steps) await this.#take(step)
    }
  }

  async #held(keys: readonly SigningKeyRecord[]): Promise<ReadonlySet<string>> {
    const held = await Promise.all(
      keys.map(async ({ kid }) => ((await this.#options.signer.holds(kid)) ? [kid] : [])),
    )
    return new Set(held.flat())
  }

  async #take(step: RotationStep): Promise<void> {
    const { store, signer, log } = this.#options
    switch (step.type) {
      case 'create': {
        const key = await signer.create()
        try {
          await store.publish(key.kid, key.publicJwk)
        } catch (error) {
          await signer.remove(key.kid)
          throw error
        }
        log.info({ kid: key.kid }, 'Made a signing key')
        return
      }
      case 'activate':
        if (await store.activate(step.kid)) log.info({ kid: step.kid }, 'A signing key became active')
        return
      case 'delete':
        for (const kid of await store.deleteRetired(step.retiredBefore)) {
          await signer.remove(kid)
          log.info({ kid }, 'Deleted a retired signing key')
        }
    }
  }
}
