/** Keys that the keyboards of phones lack. */
export type BarKey = 'escape' | 'tab' | 'interrupt' | 'left' | 'down' | 'up' | 'right'

const CURSOR_KEYS: Readonly<Partial<Record<BarKey, string>>> = { up: 'A', down: 'B', right: 'C', left: 'D' }

/** What a key sends; `application`: the program asked for the cursor keys' application mode. */
export function barKeyText(key: BarKey, application: boolean, ctrl: boolean): string {
  const cursor = CURSOR_KEYS[key]
  if (cursor !== undefined) return `\u001B${ctrl ? '[1;5' : application ? 'O' : '['}${cursor}`
  if (key === 'tab') return '\t'
  return key === 'escape' ? '\u001B' : '\u0003'
}

/** A typed character as if Ctrl had been held; what Ctrl does not change stays as it is. */
export function withCtrl(character: string): string {
  if (character === ' ') return '\0'
  if (character === '?') return '\u007F'
  if (!/^[@-_a-z]$/.test(character)) return character
  return String.fromCharCode(character.charCodeAt(0) & 31)
}
