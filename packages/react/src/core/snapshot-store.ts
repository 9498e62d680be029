/** An immutable snapshot and who wants to know when it changes: what `useSyncExternalStore` reads. */
export class SnapshotStore<T extends object> {
  #snapshot: T
  readonly #listeners = new Set<() => void>()

  constructor(initial: T) {
    this.#snapshot = initial
  }

  readonly get = (): T => this.#snapshot

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Replaces the fields of `patch`; without a difference nobody is told. */
  set(patch: Partial<T>): void {
    const keys = Object.keys(patch) as (keyof T)[]
    if (keys.every((key) => Object.is(this.#snapshot[key], patch[key]))) return
    this.#snapshot = { ...this.#snapshot, ...patch }
    for (const listener of this.#listeners) listener()
  }
}
