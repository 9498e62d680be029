import type { Link } from './link.ts'

/** How a drain goes. */
export interface DrainOptions {
  /** The closes are spread evenly over so many milliseconds. 0: all at once. */
  readonly windowMs: number
  /** Clients are asked to come back within so many milliseconds of their close. Default 1,000. */
  readonly resumeWithinMs?: number
}

/** What a drain works with. */
export interface DrainServices {
  /** Every open connection. */
  readonly links: () => Iterable<Link>
  /** Asks one to come back within so many milliseconds. */
  readonly comeBack: (link: Link, withinMs: number) => void
}

const STEP_MS = 50
const DEFAULT_RESUME_WITHIN_MS = 1_000

/**
 * Asks all clients to come back, spread over the window so that the other gateways and the database see a slope and
 * not a cliff. Resolves when the last close was sent.
 */
export async function drainLinks(services: DrainServices, options: DrainOptions): Promise<void> {
  const links = [...services.links()]
  if (links.length === 0) return
  const withinMs = options.resumeWithinMs ?? DEFAULT_RESUME_WITHIN_MS
  const steps = Math.max(1, Math.ceil(options.windowMs / STEP_MS))
  const { promise, resolve } = Promise.withResolvers<void>()
  let step = 0
  let parted = 0
  const turn = (): void => {
    step += 1
    const until = Math.ceil((links.length * step) / steps)
    for (; parted < until; parted += 1) {
      const link = links[parted]
      if (link !== undefined) services.comeBack(link, withinMs)
    }
    if (step < steps) return
    clearInterval(timer)
    resolve()
  }
  const timer = setInterval(turn, STEP_MS)
  turn()
  await promise
}
