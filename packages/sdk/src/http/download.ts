import { createError } from '../create-error.ts'
import { aborted } from '../deadline.ts'

/** An answer whose body is still on its way. */
export interface Download {
  readonly headers: Headers
  /** Ends with `ABORTED` or `CONNECTION_LOST` when it does not end well. Cancel it to stop reading. */
  readonly body: ReadableStream<Uint8Array>
}

/** Several signals as one, for as long as it is wanted. */
export class JoinedSignals {
  readonly #controller = new AbortController()
  readonly #signals: readonly AbortSignal[]
  readonly #abort = (event: Event): void => this.#controller.abort((event.target as AbortSignal).reason)

  constructor(signals: readonly (AbortSignal | undefined)[]) {
    this.#signals = signals.filter((signal) => signal !== undefined)
    for (const signal of this.#signals) {
      if (signal.aborted) this.#controller.abort(signal.reason)
      signal.addEventListener('abort', this.#abort, { once: true })
    }
  }

  /** Aborted with the first of them. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Lets go of them. */
  release(): void {
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#abort)
  }
}

/** The same bytes, pulled one piece at a time, with typed errors; `signals` are let go of when it ends. */
export function guardedBody(
  body: ReadableStream<Uint8Array>,
  signals: JoinedSignals,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          signals.release()
          controller.close()
        } catch (cause) {
          signals.release()
          const { signal } = signals
          controller.error(
            signal.aborted
              ? aborted(signal)
              : createError('CONNECTION_LOST', 'The answer broke off before its end.', { cause }),
          )
        }
      },
      async cancel(reason) {
        signals.release()
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
