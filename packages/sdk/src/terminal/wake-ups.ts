/** The part of a browser page that tells when trying again makes sense. Absent in Node. */
interface Page {
  addEventListener?(type: string, listener: () => void): void
  removeEventListener?(type: string, listener: () => void): void
  readonly document?: {
    readonly visibilityState: string
    addEventListener(type: string, listener: () => void): void
    removeEventListener(type: string, listener: () => void): void
  }
}

/** Calls `wake` when the network is back or the page is looked at again. @returns a function that stops it */
export function onWakeUp(wake: () => void): () => void {
  const page = globalThis as unknown as Page
  const { document } = page
  const onVisibility = (): void => {
    if (document?.visibilityState === 'visible') wake()
  }
  // `offline` too: a probe over the lost network makes the terminal say `unstable` without delay.
  const types = ['online', 'offline', 'pageshow']
  for (const type of types) page.addEventListener?.(type, wake)
  document?.addEventListener('visibilitychange', onVisibility)
  return () => {
    for (const type of types) page.removeEventListener?.(type, wake)
    document?.removeEventListener('visibilitychange', onVisibility)
  }
}
