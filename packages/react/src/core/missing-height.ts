/** Containers of which it was told. */
const told = new WeakSet<Element>()

/**
 * Says once, on the console, that what holds a terminal or a player has no height, and what to do: most such pages forgot
 * it, and it works all the same, at the default height, or is not to be seen at all.
 */
export function tellMissingHeight(container: HTMLElement): void {
  const stage = container.parentElement
  const frame = stage?.parentElement
  if (stage === null || frame === null || frame === undefined || told.has(container)) return
  // Hidden elements have no size either, but get one when they are shown.
  if (frame.offsetWidth === 0) return
  const isOpen = isLeftOpen(stage, frame)
  if (!isOpen && frame.offsetHeight > 0) return
  told.add(container)
  const seen = isOpen ? 'leaves its height open, so it is --cliscale-height high' : 'is 0 pixels high'
  console.warn(`Cliscale: what holds the terminal ${seen}. Give it a height, such as style="height: 480px".`)
}

/** Whether the stage makes its frame high, and not the other way round. */
function isLeftOpen(stage: HTMLElement, frame: HTMLElement): boolean {
  const height = frame.offsetHeight
  const basis = stage.style.flexBasis
  stage.style.flexBasis = `${height + 40}px`
  const grown = frame.offsetHeight
  stage.style.flexBasis = basis
  return grown > height
}
