import type { PhaseProgress, PhaseReport } from '@cliscale/sdk/protocol'
import { type JSX, useEffect, useRef, useState } from 'react'
import { type TransferEstimate, TransferRate } from './core/transfer-rate.ts'
import {
  PHASE_DETAIL,
  PHASE_TEXT,
  progressText,
  STEP_OF_PHASE,
  type StepName,
  STEPS,
} from './core/wording.ts'

/** Props of {@link SessionProgress}. */
export interface SessionProgressProps {
  /** The last report; `null` while nothing is known yet. */
  readonly phase: PhaseReport | null
  /** What is being started. Default: `Starting your session`. */
  readonly title?: string
  readonly className?: string
}

/** Draws the start of a session: its phases as steps, and a bar with rate and time left for what can be counted. */
export function SessionProgress({ phase, title, className }: SessionProgressProps): JSX.Element {
  const [waited, setWaited] = useState(false)
  if (phase?.queuePosition !== undefined && !waited) setWaited(true)
  const current = stepOf(phase, waited)
  const seen = useSeenSteps(current)
  const position = STEPS.findIndex((step) => step.name === current)
  const steps = STEPS.filter((step) => !step.optional || seen.has(step.name))
  return (
    <section
      className={['cliscale-progress', className].filter(Boolean).join(' ')}
      aria-label={title ?? 'Starting your session'}
      data-phase={phase?.phase ?? 'none'}
    >
      <h2 className="cliscale-progress-title">{title ?? 'Starting your session'}</h2>
      <ol className="cliscale-steps">
        {steps.map((step) => {
          const index = STEPS.indexOf(step)
          const status = index < position ? 'done' : index === position ? 'active' : 'waiting'
          return (
            <li
              key={step.name}
              className="cliscale-step"
              data-step={step.name}
              data-status={status}
              aria-current={status === 'active' ? 'step' : undefined}
            >
              <span className="cliscale-step-mark" aria-hidden="true" />
              <div className="cliscale-step-body">
                <span className="cliscale-step-label">{step.label}</span>
                {status === 'active' && phase !== null && <StepDetail phase={phase} label={step.label} />}
              </div>
            </li>
          )
        })}
      </ol>
      <p className="cliscale-visually-hidden" role="status">
        {phase === null ? 'Connecting' : (queueText(phase) ?? PHASE_TEXT[phase.phase])}
      </p>
    </section>
  )
}

/** Before the first report, and while it is queued with a place at hand, a session is being prepared: it waits for nothing. */
function stepOf(phase: PhaseReport | null, waited: boolean): StepName {
  if (phase === null) return 'prepare'
  const step = STEP_OF_PHASE[phase.phase]
  return step === 'queue' && !waited ? 'prepare' : step
}

function queueText({ queuePosition }: PhaseReport): string | undefined {
  return queuePosition === undefined ? undefined : `Number ${queuePosition} in the queue`
}

function StepDetail({ phase, label }: { readonly phase: PhaseReport; readonly label: string }): JSX.Element {
  const detail = queueText(phase) ?? phase.message ?? PHASE_DETAIL[phase.phase]
  return (
    <>
      {detail !== undefined && <span className="cliscale-step-detail">{detail}</span>}
      {phase.progress !== undefined && <ProgressBar progress={phase.progress} label={label} />}
    </>
  )
}

interface ProgressBarProps {
  readonly progress: PhaseProgress
  readonly label: string
}

function ProgressBar({ progress, label }: ProgressBarProps): JSX.Element {
  const text = progressText(progress, useTransferEstimate(progress))
  const known = progress.total !== null && progress.total > 0
  return (
    <>
      <progress
        className="cliscale-bar"
        aria-label={label}
        aria-valuetext={text}
        {...(known ? { max: progress.total, value: Math.min(progress.done, progress.total) } : {})}
      />
      <span className="cliscale-step-numbers">{text}</span>
    </>
  )
}

function useTransferEstimate(progress: PhaseProgress): TransferEstimate {
  const rate = useRef<TransferRate | null>(null)
  const [estimate, setEstimate] = useState<TransferEstimate>({ perSecond: null, secondsLeft: null })
  useEffect(() => {
    rate.current ??= new TransferRate()
    setEstimate(rate.current.add(progress, performance.now()))
  }, [progress])
  return estimate
}

/** Steps that were current at some time: a session without a bundle never shows a download. */
function useSeenSteps(current: StepName): ReadonlySet<StepName> {
  const [seen, setSeen] = useState<ReadonlySet<StepName>>(new Set())
  if (seen.has(current)) return seen
  const next = new Set([...seen, current])
  setSeen(next)
  return next
}
