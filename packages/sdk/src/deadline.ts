import { createError } from './create-error.ts'
import type { CliscaleError } from './errors.ts'

/** What ends an operation before it is done. */
export interface Bounds {
  /** Any of them aborts the operation. */
  readonly signals?: readonly (AbortSignal | undefined)[]
  /** Milliseconds until it ends with the error of `onTimeout`; left out: never. */
  readonly timeoutMs?: number | undefined
  /** Makes the error of a timeout. Default: `REQUEST_TIMEOUT`. */
  readonly onTimeout?: () => CliscaleError
}

/**
 * Runs `work` until it settles, a signal aborts or the time is over, whichever is first. `work` gets a signal that
 * follows all of them; the result does not wait for work that ignores it.
 *
 * @throws {CliscaleError} `ABORTED`, or the error of `onTimeout`
 */
export async function bounded<T>(bounds: Bounds, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const signals = (bounds.signals ?? []).filter((signal) => signal !== undefined)
  const { promise: ended, reject } = deferred<never>()
  const end = (error: CliscaleError): void => {
    reject(error)
    controller.abort(error)
  }
  const abort = (event: Event): void => end(aborted(event.target as AbortSignal))
  for (const signal of signals) {
    if (signal.aborted) throw aborted(signal)
    signal.addEventListener('abort', abort, { once: true })
  }
  const timer =
    bounds.timeoutMs === undefined || bounds.timeoutMs === Infinity
      ? undefined
      : setTimeout(() => end(bounds.onTimeout?.() ?? createError('REQUEST_TIMEOUT')), bounds.timeoutMs)
  try {
    return await Promise.race([work(controller.signal), ended])
  } finally {
    clearTimeout(timer)
    for (const signal of signals) signal.removeEventListener('abort', abort)
  }
}

/** The error of a call that its signal ended; the signal's reason is the cause. */
export function aborted(signal: AbortSignal): CliscaleError {
  return createError('ABORTED', undefined, { cause: signal.reason })
}

/** Waits, at most until `signal` aborts. */
export async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  await bounded({ signals: [signal] }, async (ended) => {
    const { promise, resolve } = deferred<void>()
    const timer = setTimeout(resolve, delayMs)
    ended.addEventListener('abort', () => clearTimeout(timer), { once: true })
    await promise
  })
}

/** A promise with its handles. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** Makes a {@link Deferred}. A rejection that nobody awaits is not reported as unhandled. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
