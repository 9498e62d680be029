/** A paste that is about to be typed into the session. */
export interface PasteRequest {
  /** The text as it will be sent, already cleaned. */
  readonly text: string
  /** Lines of text, at least 1. */
  readonly lines: number
  /** Whether the program told that it can tell pasted text from typed text (bracketed paste). */
  readonly bracketed: boolean
}

/** A paste above this length, in UTF-16 code units, is asked about even when the program can tell it from typing. */
export const LARGE_PASTE_LENGTH = 5_000

// eslint-disable-next-line no-control-regex -- control characters are the subject
const PASTE_MARKS = /(?:\u001B\[|\u009B)20[01]~/g
// eslint-disable-next-line no-control-regex -- control characters are the subject
const CONTROLS = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]/g

/**
 * Takes out of a clipboard text what could act as a key or end a bracketed paste early: escape sequences' first bytes
 * and every other control character but tab and line ends.
 */
export function cleanPaste(text: string): string {
  return text.replace(PASTE_MARKS, '').replace(CONTROLS, '')
}

/** What would be pasted, or `undefined` when nothing is left of it. */
export function pasteRequest(clipboard: string, bracketed: boolean): PasteRequest | undefined {
  const text = cleanPaste(clipboard)
  if (text === '') return undefined
  return { text, lines: text.replace(/\r?\n$/, '').split(/\r\n|\r|\n/).length, bracketed }
}

/** Whether a person should see the paste before it is sent: several lines that a shell would run at once, or very much. */
export function needsConfirmation({ text, lines, bracketed }: PasteRequest): boolean {
  return text.length > LARGE_PASTE_LENGTH || (lines > 1 && !bracketed)
}
