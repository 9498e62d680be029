import type { Isolation, SessionInfo, SessionState } from '@cliscale/sdk/protocol'
import { plainText } from './session-name.ts'

/** Colour of a state. */
export type Tone = 'good' | 'warning' | 'bad' | 'none'

const STATE_TEXT: Readonly<Record<SessionState, string>> = {
  queued: 'Queued',
  scheduled: 'Scheduled',
  pulling: 'Pulling image',
  assigning: 'Preparing',
  fetching: 'Downloading',
  verifying: 'Verifying',
  starting: 'Starting',
  running: 'Running',
  ending: 'Ending',
  ended: 'Ended',
}

/** A state in a word or two. */
export function stateText(state: SessionState): string {
  return STATE_TEXT[state]
}

/** The colour of a session's state. */
export function stateTone({ state, endReason, exit }: SessionInfo): Tone {
  if (state === 'running') return 'good'
  if (state !== 'ended') return 'warning'
  return endReason === 'failed' ||
    (exit !== null && (exit.signal !== null || (exit.code ?? 0) !== 0) && endReason === 'exited')
    ? 'bad'
    : 'none'
}

/** How a session ended, shortly. */
export function endText({ endReason, exit, failure }: SessionInfo): string {
  switch (endReason) {
    case 'exited':
      return exit?.signal == null ? `Exit code ${exit?.code ?? '?'}` : `Ended by ${plainText(exit.signal)}`
    case 'killed':
      return 'Ended on request'
    case 'expired':
      return 'Lifetime over'
    case 'idle':
      return 'Idle for too long'
    case 'failed':
      return plainText(failure?.message ?? '') || 'Failed'
    case null:
      return 'Ended'
  }
}

/** What keeps a session apart from the machine it runs on; said plainly when nothing does. */
export const ISOLATION_TEXT: Readonly<Record<Isolation, { readonly label: string; readonly about: string }>> =
  {
    none: {
      label: 'Not isolated',
      about: 'This session is a plain process on the server, with the rights of the server’s user.',
    },
    bubblewrap: {
      label: 'Sandboxed',
      about: 'This session runs under bubblewrap, with its own file system view, processes and IPC.',
    },
    container: { label: 'Container', about: 'This session runs in a container of its own.' },
  }

/** What is said about a recording next to its session; `undefined` when there is none. */
export function recordingMark({
  state,
  recording,
}: SessionInfo): { readonly label: string; readonly about: string } | undefined {
  if (recording === null) return undefined
  const what =
    recording.mode === 'output'
      ? 'What it prints is recorded'
      : 'What it prints and what is typed is recorded'
  if (recording.state === 'failed') {
    return (recording.bytes ?? 0) > 0 || state !== 'ended'
      ? { label: 'Recording incomplete', about: 'Part of the recording could not be kept.' }
      : { label: 'Recording failed', about: 'Nothing of the recording could be kept.' }
  }
  if (state !== 'ended') {
    return { label: recording.mode === 'output' ? 'REC' : 'REC + input', about: `${what}.` }
  }
  return { label: 'Recorded', about: `${what}${recording.truncated ? ', up to the limit' : ''}.` }
}

/** An age in one unit: `now`, `4m`, `3h`, `2d`. */
export function ageText(ageMs: number): string {
  const minutes = Math.floor(ageMs / 60_000)
  if (!(minutes >= 1)) return 'now'
  if (minutes < 60) return `${minutes}m`
  return minutes < 1440 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`
}
