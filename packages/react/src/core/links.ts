import type { ILinkHandler } from '@xterm/xterm'

/** Tells where a link leads while the pointer is on it; `null` when it left. */
export type LinkTargetListener = (target: string | null) => void

/** Opens a link that a program printed. Only http and https; the new page gets neither opener nor referrer. */
export function openLink(target: string): void {
  const url = webAddress(target)
  if (url !== undefined) window.open(url, '_blank', 'noopener,noreferrer')
}

/** The address if a browser may be sent there, else `undefined`. */
export function webAddress(target: string): string | undefined {
  try {
    const url = new URL(target)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined
  } catch {
    return undefined
  }
}

/** For hyperlinks whose text is not their target (OSC 8): the real target is shown before it is opened. */
export function hyperlinkHandler(onTarget: LinkTargetListener): ILinkHandler {
  return {
    activate: (_event, target) => openLink(target),
    hover: (_event, target) => onTarget(webAddress(target) ?? null),
    leave: () => onTarget(null),
    allowNonHttpProtocols: false,
  }
}
