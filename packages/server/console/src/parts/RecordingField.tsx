import { RECORDING_MODES, type RecordingMode, type TemplateInfo } from '@cliscale/sdk/protocol'
import { type JSX, useId } from 'react'

const CHOICES: Readonly<Record<RecordingMode, { readonly label: string; readonly about: string }>> = {
  off: { label: 'Do not record', about: 'Nothing is kept when the session has ended.' },
  output: {
    label: 'Record the output',
    about:
      'Keeps what the session prints, to be played later. Keys are kept only as far as programs show them.',
  },
  'output-and-input': {
    label: 'Record output and input',
    about: 'Keeps what is printed and every key that is typed, also passwords that are not shown.',
  },
}

interface RecordingFieldProps {
  readonly template: TemplateInfo
  /** Empty while nothing was chosen: then it is the template's. */
  readonly value: RecordingMode | ''
  readonly problem: string | undefined
  readonly onChange: (mode: RecordingMode) => void
}

/** Whether the session is recorded: a choice where the template leaves one, else what it does. */
export function RecordingField({
  template,
  value,
  problem,
  onChange,
}: RecordingFieldProps): JSX.Element | null {
  const id = useId()
  const mode = value === '' ? template.recording : value
  if (!template.allow.includes('recording')) {
    return template.recording === 'off' ? null : (
      <div className="field">
        <span className="field-name">Recording</span>
        <p className="help" data-tone={template.recording === 'output-and-input' ? 'warning' : undefined}>
          Sessions of this template are recorded. {CHOICES[template.recording].about}
        </p>
      </div>
    )
  }
  return (
    <div className="field">
      <label htmlFor={id}>Recording</label>
      <select
        id={id}
        className="input"
        value={mode}
        aria-describedby={`${id}-about`}
        onChange={(event) => {
          const chosen = RECORDING_MODES.find((one) => one === event.currentTarget.value)
          if (chosen !== undefined) onChange(chosen)
        }}
      >
        {RECORDING_MODES.map((one) => (
          <option key={one} value={one}>
            {CHOICES[one].label}
          </option>
        ))}
      </select>
      <div id={`${id}-about`}>
        {problem !== undefined && <div className="problem">{problem}</div>}
        <div className="help" data-tone={mode === 'output-and-input' ? 'warning' : undefined}>
          {CHOICES[mode].about}
        </div>
      </div>
    </div>
  )
}
