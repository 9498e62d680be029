/**
 * Tells whenever a window has another ratio of device pixels to CSS pixels: it was moved to another screen, or zoomed.
 *
 * @returns what ends that
 */
export function watchPixelRatio(view: Window, changed: () => void): () => void {
  const ends = new AbortController()
  const watch = (): void => {
    // A query is about one ratio: the next change needs a new one.
    view.matchMedia(`(resolution: ${view.devicePixelRatio}dppx)`).addEventListener(
      'change',
      () => {
        watch()
        changed()
      },
      { once: true, signal: ends.signal },
    )
  }
  watch()
  return () => ends.abort()
}
