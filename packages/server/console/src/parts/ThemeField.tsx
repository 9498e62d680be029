import type { JSX } from 'react'
import { type ThemeChoice, useTheme } from '../state/theme.ts'
import { Icon, type IconName } from './Icon.tsx'

const CHOICES: Readonly<Record<ThemeChoice, { readonly icon: IconName; readonly label: string }>> = {
  system: { icon: 'system', label: 'System' },
  dark: { icon: 'moon', label: 'Dark' },
  light: { icon: 'sun', label: 'Light' },
}

/** The colours of the console: all choices are named, and the one that holds is shown. */
export function ThemeField(): JSX.Element {
  const { choice, choose } = useTheme()
  return (
    <label className="theme" title={`Theme: ${CHOICES[choice].label}`}>
      <Icon name={CHOICES[choice].icon} />
      <span className="visually-hidden">Theme</span>
      <select
        value={choice}
        onChange={({ currentTarget: { value } }) => {
          if (value === 'system' || value === 'dark' || value === 'light') choose(value)
        }}
      >
        {Object.entries(CHOICES).map(([name, { label }]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
    </label>
  )
}
