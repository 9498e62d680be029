import { type JSX, useId } from 'react'

interface TextFieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly help?: string
  readonly problem?: string | undefined
  readonly placeholder?: string
  /** Text that a program reads. */
  readonly mono?: boolean
  readonly lines?: boolean
  readonly inputMode?: 'numeric' | 'url'
}

/** A labelled field with its help and what is wrong with it, tied together for screen readers. */
export function TextField(props: TextFieldProps): JSX.Element {
  const { label, value, onChange, help, problem, placeholder, mono = false, lines = false, inputMode } = props
  const id = useId()
  const shared = {
    id,
    className: mono ? 'input mono' : 'input',
    value,
    placeholder,
    spellCheck: !mono,
    autoComplete: 'off',
    autoCapitalize: mono ? 'off' : undefined,
    'aria-invalid': problem !== undefined,
    'aria-describedby': `${id}-about`,
    onChange: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value),
  } as const
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {lines ? <textarea {...shared} rows={3} /> : <input {...shared} type="text" inputMode={inputMode} />}
      <div id={`${id}-about`}>
        {problem !== undefined && <div className="problem">{problem}</div>}
        {help !== undefined && <div className="help">{help}</div>}
      </div>
    </div>
  )
}
