import type { JSX, PointerEvent } from 'react'
import type { BarKey } from '../core/bar-keys.ts'

const BEFORE: readonly Key[] = [
  { key: 'escape', label: 'Esc', title: 'Escape' },
  { key: 'tab', label: 'Tab' },
]

const AFTER: readonly Key[] = [
  { key: 'interrupt', name: 'Ctrl C', label: '^C' },
  { key: 'left', name: 'Left', label: '←' },
  { key: 'down', name: 'Down', label: '↓' },
  { key: 'up', name: 'Up', label: '↑' },
  { key: 'right', name: 'Right', label: '→' },
]

interface Key {
  readonly key: BarKey
  /** What is to be seen. Words that are seen are the name too: who speaks to a screen says what stands there. */
  readonly label: string
  /** Says a sign in words. */
  readonly name?: string
  readonly title?: string
}

interface KeyBarProps {
  /** Whether Ctrl is held for the next key. */
  readonly ctrlHeld: boolean
  readonly onKey: (key: BarKey) => void
  readonly onCtrl: (held: boolean) => void
}

/** Keys that the keyboards of phones lack; to be seen where the first pointer is a finger. */
export function KeyBar({ ctrlHeld, onKey, onCtrl }: KeyBarProps): JSX.Element {
  const button = ({ key, label, name, title }: Key): JSX.Element => (
    <button
      key={key}
      type="button"
      className="cliscale-button"
      aria-label={name}
      title={title}
      onPointerDown={keepFocus}
      onClick={() => onKey(key)}
    >
      {label}
    </button>
  )
  return (
    <div className="cliscale-keys" role="group" aria-label="Keys">
      {BEFORE.map(button)}
      <button
        type="button"
        className="cliscale-button"
        aria-pressed={ctrlHeld}
        title="Holds Ctrl for the next key"
        onPointerDown={keepFocus}
        onClick={() => onCtrl(!ctrlHeld)}
      >
        Ctrl
      </button>
      {AFTER.map(button)}
    </div>
  )
}

/** Focus stays in the terminal, so the keyboard stays open. */
function keepFocus(event: PointerEvent): void {
  event.preventDefault()
}
