import type { IDisposable, Terminal } from '@xterm/xterm'

/** Largest text, in bytes, that a program may put on the clipboard. Longer ones are dropped. */
export const MAX_CLIPBOARD_BYTES = 131_072

/** How a terminal answers a program that wants to write to the clipboard (OSC 52). */
export interface ClipboardPolicy {
  /** False while the past is replayed, and for clients that only watch. */
  allowed(): boolean
  /** The browser refused because no gesture of the user is recent enough: ask for one. */
  onBlocked(text: string): void
}

/**
 * Lets programs write to the clipboard and never read it. A read (`OSC 52 ; c ; ?`) would type whatever the user
 * copied last into the session, so it is swallowed without an answer.
 */
export function handleClipboardWrites(terminal: Terminal, policy: ClipboardPolicy): IDisposable {
  return terminal.parser.registerOscHandler(52, (data) => {
    const text = clipboardText(data)
    if (text !== undefined && policy.allowed()) {
      writeClipboard(text).then(
        (written) => {
          if (!written) policy.onBlocked(text)
        },
        () => policy.onBlocked(text),
      )
    }
    return true
  })
}

/** The text of an OSC 52 write; `undefined` for reads, other selections, and what is no base64 or too long. */
export function clipboardText(data: string): string | undefined {
  const separator = data.indexOf(';')
  const selection = data.slice(0, separator)
  const payload = data.slice(separator + 1)
  if (separator < 0 || !/^[cps0-7]*$/.test(selection)) return undefined
  if (payload === '' || payload === '?' || payload.length > (MAX_CLIPBOARD_BYTES * 4) / 3 + 4)
    return undefined
  try {
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0))
    return bytes.length > MAX_CLIPBOARD_BYTES ? undefined : new TextDecoder().decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Writes to the clipboard if a gesture of the user is recent. Resolves to false when there was none.
 *
 * @throws what the browser throws when its permission is denied
 */
export async function writeClipboard(text: string): Promise<boolean> {
  const activation = (navigator as { userActivation?: UserActivation }).userActivation
  if (activation?.isActive === false) return false
  await navigator.clipboard.writeText(text)
  return true
}
