/**
 * How many pixels of the window one CSS pixel of an element is, across and down: where the page scales or zooms what holds
 * it. 1 where nothing is laid out.
 */
export function scaleOf(element: HTMLElement): { readonly x: number; readonly y: number } {
  const { width, height } = element.getBoundingClientRect()
  const { offsetWidth, offsetHeight } = element
  return { x: ratio(width, offsetWidth), y: ratio(height, offsetHeight) }
}

/** An element's own width is told in whole pixels, so a difference of less than one is none. */
function ratio(seen: number, own: number): number {
  return own === 0 || seen === 0 || Math.abs(seen - own) < 1 ? 1 : seen / own
}
