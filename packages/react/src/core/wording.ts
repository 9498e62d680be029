import type { Phase, PhaseProgress, SessionExit } from '@cliscale/sdk/protocol'
import type { TransferEstimate } from './transfer-rate.ts'

/** What a session that is not yet running does, in the order in which people see it. */
export type StepName = 'queue' | 'prepare' | 'download' | 'verify' | 'start'

/** The step that a phase belongs to; `queued` counts as waiting once there is a position in the queue. */
export const STEP_OF_PHASE: Readonly<Record<Phase, StepName>> = {
  queued: 'queue',
  scheduled: 'prepare',
  pulling: 'prepare',
  assigning: 'prepare',
  fetching: 'download',
  verifying: 'verify',
  starting: 'start',
}

/** Steps in their order, with what is shown while one runs. `optional` ones are shown once they are seen: most sessions wait for nothing. */
export const STEPS: readonly {
  readonly name: StepName
  readonly label: string
  readonly optional: boolean
}[] = [
  { name: 'queue', label: 'Wait for a free place', optional: true },
  { name: 'prepare', label: 'Prepare the runner', optional: false },
  { name: 'download', label: 'Download the CLI', optional: true },
  { name: 'verify', label: 'Check the download', optional: true },
  { name: 'start', label: 'Start the command', optional: false },
]

/** A phase in a few words. */
export const PHASE_TEXT: Readonly<Record<Phase, string>> = {
  queued: 'Waiting for capacity',
  scheduled: 'Choosing a runner',
  pulling: 'Pulling the image',
  assigning: 'Preparing the runner',
  fetching: 'Downloading the CLI',
  verifying: 'Checking the download',
  starting: 'Starting the command',
}

/** Phases that share their step with another one, and so say more than its label. */
export const PHASE_DETAIL: Readonly<Partial<Record<Phase, string>>> = {
  scheduled: PHASE_TEXT.scheduled,
  pulling: PHASE_TEXT.pulling,
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** Bytes for people, in powers of 1000: `12.4 MB`. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit] ?? 'B'}`
}

/** A span for people: `8 s`, `3 min 20 s`, `1 h 4 min`. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600)
    return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** `12.4 MB of 50.0 MB · 3.1 MB/s · 12 s left`. */
export function progressText(progress: PhaseProgress, estimate: TransferEstimate): string {
  const amount = (count: number): string =>
    progress.unit === 'bytes' ? bytesText(count) : count.toLocaleString('en')
  const parts = [
    progress.total === null ? amount(progress.done) : `${amount(progress.done)} of ${amount(progress.total)}`,
  ]
  if (progress.unit === 'entries') parts[0] += ' files'
  const { perSecond, secondsLeft } = estimate
  if (perSecond !== null && progress.unit === 'bytes') parts.push(`${bytesText(Math.round(perSecond))}/s`)
  if (secondsLeft !== null) parts.push(`${durationText(secondsLeft)} left`)
  return parts.join(' · ')
}

/** Why a session is over, in one short sentence. */
export function exitText(exit: SessionExit): string {
  switch (exit.reason) {
    case 'exited':
      return exit.signal === null ? `Exited with code ${exit.code ?? 'unknown'}` : `Ended by ${exit.signal}`
    case 'killed':
      return 'Ended on request'
    case 'expired':
      return 'Its lifetime was over'
    case 'idle':
      return 'Ended because nobody used it'
    case 'failed':
      return exit.failure?.message ?? 'It failed'
  }
}
