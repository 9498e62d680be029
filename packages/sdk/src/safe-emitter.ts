import { EventEmitter } from 'eventemitter3'

/**
 * An emitter whose listeners cannot break what emits: an error that one throws is uncaught, as it would be anywhere
 * else, but the connection and the state that told of the event are not disturbed.
 */
export class SafeEmitter<Events extends { [K in keyof Events]: unknown[] }> {
  readonly #emitter = new EventEmitter()

  /** True when anybody listens at all. */
  get isHeard(): boolean {
    return this.#emitter.eventNames().length > 0
  }

  /** True when anybody listens to `event`. */
  hears(event: keyof Events & string): boolean {
    return this.#emitter.listenerCount(event) > 0
  }

  on<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): void {
    this.#emitter.on(event, listener as (...args: unknown[]) => void)
  }

  once<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): void {
    this.#emitter.once(event, listener as (...args: unknown[]) => void)
  }

  off<E extends keyof Events & string>(event: E, listener: (...args: Events[E]) => void): void {
    this.#emitter.off(event, listener as (...args: unknown[]) => void)
  }

  clear(): void {
    this.#emitter.removeAllListeners()
  }

  emit<E extends keyof Events & string>(event: E, ...args: Events[E]): void {
    try {
      this.#emitter.emit(event, ...args)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
