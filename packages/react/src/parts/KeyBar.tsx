import type { JSX, PointerEvent } from 'react'
import type { BarKey } from '../core/bar-keys.ts'

const BEFORE: readonly Key[] = [
  { key: 'escape', name: 'Escape', label: 'Esc' },
  { key: 'tab', name: 'Tab', label: 'Tab' },
]

const AFTER: readonly Key[] = [
  { key: 'interrupt', name: 'Control C', label: '^C' },
  { key: 'left', name: 'Left', label: '←' },
  { key: 'down', name: 'Down', label: '↓' },
  { key: 'up', name: 'Up', label: '↑' },
  { key: 'right', name: 'Right', label: '→' },
]

interface Key {
  readonly key: BarKey
  readonly name: string
  readonly label: string
}

interface KeyBarProps {
  /** Whether Ctrl is held for the next key. */
  readonly ctrlHeld: boolean
  readonly onKey: (key: BarKey) => void
  readonly onCtrl: (held: boolean) => void
}

/** Keys that the keyboards of phones lack; to be seen where the first pointer is a finger. */
export function KeyBar({ ctrlHeld, onKey, onCtrl }: KeyBarProps): JSX.Element {
  const button = ({ key, name, label }: Key): JSX.Element => (
    <button
      key={key}
      type="button"
      className="cliscale-button"
      aria-label={name}
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
        aria-label="Control"
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
