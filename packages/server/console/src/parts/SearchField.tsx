import { type JSX, type RefObject, useEffect, useId, useRef } from 'react'
import type { SearchQuery, StateFilter } from '../state/session-search.ts'

const STATES: readonly { readonly state: StateFilter; readonly label: string }[] = [
  { state: 'any', label: 'Any state' },
  { state: 'live', label: 'Live' },
  { state: 'running', label: 'Running' },
  { state: 'queued', label: 'Queued' },
  { state: 'ended', label: 'Ended' },
]

interface SearchFieldProps {
  readonly query: SearchQuery
  readonly onChange: (query: SearchQuery) => void
  /** Called before the shortcut moves the focus here. */
  readonly onSummon: () => void
}

/** Narrows the list by words and by state. Ctrl+K leads here, except from the terminal, where keys are the program's. */
export function SearchField({ query, onChange, onSummon }: SearchFieldProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  useSearchShortcut(input, onSummon)
  return (
    <search className="search" aria-label="Sessions">
      <input
        ref={input}
        id={id}
        className="input"
        type="search"
        placeholder="Search"
        aria-label="Search sessions"
        aria-keyshortcuts="Control+K Meta+K"
        title="Name, id, template, owner, command or state (Ctrl+K outside of the terminal)"
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        value={query.text}
        onChange={(event) => onChange({ ...query, text: event.currentTarget.value })}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || query.text === '') return
          // Browsers differ in what they clear, and the drawer around it closes by the next one only.
          event.preventDefault()
          onChange({ ...query, text: '' })
        }}
      />
      <select
        className="input"
        aria-label="State"
        value={query.state}
        onChange={(event) => {
          const chosen = STATES.find(({ state }) => state === event.currentTarget.value)
          if (chosen !== undefined) onChange({ ...query, state: chosen.state })
        }}
      >
        {STATES.map(({ state, label }) => (
          <option key={state} value={state}>
            {label}
          </option>
        ))}
      </select>
    </search>
  )
}

function useSearchShortcut(input: RefObject<HTMLInputElement | null>, onSummon: () => void): void {
  const summon = useRef(onSummon)
  useEffect(() => {
    summon.current = onSummon
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => {
      const chord = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey
      if (event.defaultPrevented || !chord || event.key.toLowerCase() !== 'k') return
      const target = event.target instanceof Element ? event.target : null
      if (target?.closest('.xterm, dialog') != null) return
      event.preventDefault()
      summon.current()
      // What it called for is drawn first.
      requestAnimationFrame(() => input.current?.select())
    }
    document.addEventListener('keydown', listener)
    return () => document.removeEventListener('keydown', listener)
  }, [input])
}
