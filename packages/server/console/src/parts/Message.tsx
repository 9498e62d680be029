import type { JSX, ReactNode } from 'react'

interface MessageProps {
  readonly title: string
  readonly children: ReactNode
  /** Errors are announced at once. */
  readonly alert?: boolean
}

/** A page, or a part of one, that has only something to say. */
export function Message({ title, children, alert = false }: MessageProps): JSX.Element {
  return (
    <div className="centre">
      <div className="message" role={alert ? 'alert' : undefined}>
        <img className="message-mark" src="./icon.svg" alt="" />
        <h1>{title}</h1>
        {children}
      </div>
    </div>
  )
}

/** Something is on its way. */
export function Loading({ label }: { readonly label: string }): JSX.Element {
  return (
    <div className="centre" role="status">
      <span className="spinner" aria-hidden="true" />
      <span className="visually-hidden">{label}</span>
    </div>
  )
}
