import type { JSX } from 'react'

const KEYS: readonly { readonly label: string; readonly name: string; readonly keys: string }[] = [
  { label: 'Esc', name: 'Escape', keys: '\u001B' },
  { label: 'Tab', name: 'Tab', keys: '\t' },
  { label: '^C', name: 'Control C', keys: '\u0003' },
  { label: '^D', name: 'Control D', keys: '\u0004' },
  { label: '^Z', name: 'Control Z', keys: '\u001A' },
  { label: '←', name: 'Left', keys: '\u001B[D' },
  { label: '↓', name: 'Down', keys: '\u001B[B' },
  { label: '↑', name: 'Up', keys: '\u001B[A' },
  { label: '→', name: 'Right', keys: '\u001B[C' },
]

/** Keys that the keyboards of phones lack; shown on touch screens only. */
export function KeyRow({ onKey }: { readonly onKey: (keys: string) => void }): JSX.Element {
  return (
    <div className="key-row" role="group" aria-label="Keys">
      {KEYS.map(({ label, name, keys }) => (
        <button
          key={label}
          type="button"
          className="button"
          aria-label={name}
          // Focus stays in the terminal, so the keyboard stays open.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onKey(keys)}
        >
          {label}
        </button>
      ))}
    </div>
  )
}
