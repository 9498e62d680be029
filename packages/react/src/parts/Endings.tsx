import type { SessionExit } from '@cliscale/sdk/protocol'
import type { JSX } from 'react'
import { exitText } from '../core/wording.ts'

interface EndedBarProps {
  readonly exit: SessionExit
  readonly onRestart: (() => void) | undefined
}

/** How the session ended, below its last screen. */
export function EndedBar({ exit, onRestart }: EndedBarProps): JSX.Element {
  const bad = exit.reason === 'failed' || (exit.code !== null && exit.code !== 0)
  return (
    <div className="cliscale-ended" role="status" data-tone={bad ? 'bad' : 'good'} data-reason={exit.reason}>
      <div>
        <strong>{exit.reason === 'failed' ? 'The session failed.' : 'The session ended.'}</strong>
        <span>
          {exitText(exit)}
          {exit.reason === 'failed' ? '' : '.'}
        </span>
        {exit.failure !== undefined && (
          <div className="cliscale-hint">
            {exit.failure.hint} <code>{exit.failure.code}</code>
          </div>
        )}
      </div>
      {onRestart !== undefined && (
        <button type="button" className="cliscale-button" onClick={onRestart}>
          Start again
        </button>
      )}
    </div>
  )
}

interface FailureCardProps {
  readonly title: string
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
  readonly requestId?: string | undefined
  readonly actionLabel?: string | undefined
  readonly onAction?: (() => void) | undefined
}

/** What went wrong, and what to do about it. */
export function FailureCard(props: FailureCardProps): JSX.Element {
  const { title, code, message, hint, requestId, actionLabel, onAction } = props
  return (
    <div className="cliscale-card" data-tone="bad" role="alert">
      <h2>{title}</h2>
      <p>{message}</p>
      {hint !== undefined && <p className="cliscale-hint">{hint}</p>}
      <p>
        <code>{code}</code>
        {requestId !== undefined && <span className="cliscale-hint"> Request {requestId}</span>}
      </p>
      {onAction !== undefined && (
        <div className="cliscale-actions">
          <button type="button" className="cliscale-button" data-primary="" onClick={onAction}>
            {actionLabel ?? 'Try again'}
          </button>
        </div>
      )}
    </div>
  )
}
