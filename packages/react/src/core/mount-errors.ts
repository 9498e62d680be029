import {
  BadRequestError,
  type CliscaleError,
  ConnectionError,
  InternalError,
  isCliscaleError,
} from '@cliscale/sdk/errors'

/** Why a terminal could not be put into the page. */
export function toMountError(cause: unknown): CliscaleError {
  if (isCliscaleError(cause)) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  // Browsers and bundlers have words of their own for a module that did not come; all name it so.
  if (/import|module|chunk/i.test(reason)) {
    const message = `A part of this page could not be loaded: ${reason}`
    const hint = 'The page may be older than what the server has now. Reload it.'
    return new ConnectionError('COMPONENT_NOT_LOADED', message, { status: 0, retryable: true, hint, cause })
  }
  const message = `The terminal could not be drawn: ${reason}`
  return new InternalError('INTERNAL', message, { status: 0, retryable: false, cause })
}

/** The error of a component that was not told where its session comes from. */
export function sourceMissing(problem: string): CliscaleError {
  return new BadRequestError('INVALID_OPTION', problem, { status: 0, retryable: false })
}

/** The error of a document without the style sheet; a shadow root, an iframe or another window has none of its page's. */
export function stylesMissing(container: HTMLElement): CliscaleError | undefined {
  const view = container.ownerDocument.defaultView
  if (view === null || view.getComputedStyle(container).getPropertyValue('--cliscale-padding') !== '')
    return undefined
  const message =
    'The style sheet of the terminal is not in its document: import @cliscale/react/styles.css, and copy it into shadow roots, iframes and other windows.'
  return new BadRequestError('STYLES_MISSING', message, { status: 0, retryable: false })
}
