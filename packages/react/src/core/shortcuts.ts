/** A key that leaves the terminal, as `KeyboardEvent` names it. Modifiers that are left out must be up. */
export interface KeyChord {
  /** `KeyboardEvent.key`, letters in either case. */
  readonly key: string
  readonly ctrl?: boolean
  readonly shift?: boolean
  readonly alt?: boolean
  readonly meta?: boolean
}

/** Tab goes to the program, so keyboard users leave the terminal with this one. */
export const DEFAULT_LEAVE_KEY: KeyChord = { key: 'F6', ctrl: true, shift: true }

/** What a key press means to the component instead of to the program. */
export type ShortcutAction = 'copy' | 'paste' | 'leave'

/** The action of a key press, or `undefined` when it belongs to the program. */
export function shortcutOf(
  event: KeyboardEvent,
  leaveKey: KeyChord,
  hasSelection: boolean,
): ShortcutAction | undefined {
  if (event.type !== 'keydown') return undefined
  if (matches(event, leaveKey)) return 'leave'
  const copyOrPaste =
    matches(event, { key: 'c', ctrl: true, shift: true }) || matches(event, { key: 'c', meta: true })
  if (copyOrPaste) return hasSelection || event.ctrlKey ? 'copy' : undefined
  if (matches(event, { key: 'v', ctrl: true, shift: true }) || matches(event, { key: 'v', meta: true }))
    return 'paste'
  return undefined
}

function matches(event: KeyboardEvent, chord: KeyChord): boolean {
  return (
    event.key.toLowerCase() === chord.key.toLowerCase() &&
    event.ctrlKey === (chord.ctrl ?? false) &&
    event.shiftKey === (chord.shift ?? false) &&
    event.altKey === (chord.alt ?? false) &&
    event.metaKey === (chord.meta ?? false)
  )
}

/** How a chord is written for people and for `aria-keyshortcuts`. */
export function chordText(chord: KeyChord): string {
  const modifiers = [
    chord.ctrl ? 'Control' : '',
    chord.alt ? 'Alt' : '',
    chord.shift ? 'Shift' : '',
    chord.meta ? 'Meta' : '',
  ]
  return [...modifiers.filter((name) => name !== ''), chord.key].join('+')
}
