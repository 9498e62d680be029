const NAME = 'cliscale-place'

/** An element that is told when it comes into a document. */
interface PlaceMark extends HTMLElement {
  placed?: () => void
}

/** Where an element is: its document, or the shadow root in it. */
export type Place = Document | ShadowRoot

export function pageOf(place: Place): Document {
  return place.ownerDocument ?? place
}

/**
 * Tells when an element was put elsewhere: in the same document, into or out of a shadow root, or into another document.
 * Observers are not told of that, or only those of the window that it left.
 *
 * @param moved told in the same turn, when what moved it is done; `focused`: what had the focus lost it by that
 * @returns what ends that
 */
export function watchPlace(element: HTMLElement, moved: (focused: boolean) => void): () => void {
  const mark = createMark()
  // Out of sight whatever the rules of the page are.
  mark.style.cssText = 'display:none!important'
  element.append(mark)
  // Browsers take the focus away before an element leaves its place.
  let focused = false
  const ends = new AbortController()
  const blurred = (): void => {
    focused = true
    queueMicrotask(() => (focused = false))
  }
  element.addEventListener('focusout', blurred, { signal: ends.signal })
  mark.placed = () => {
    const hadFocus = focused
    queueMicrotask(() => {
      if (element.isConnected && !ends.signal.aborted) moved(hadFocus)
    })
  }
  return () => {
    ends.abort()
    mark.placed = () => undefined
    mark.remove()
  }
}

/** Of the document of this module: others do not know the element, which goes on to be one there. */
function createMark(): PlaceMark {
  if (customElements.get(NAME) === undefined) {
    customElements.define(
      NAME,
      class extends HTMLElement implements PlaceMark {
        placed?: () => void

        connectedCallback(): void {
          this.placed?.()
        }
      },
    )
  }
  return document.createElement(NAME)
}
