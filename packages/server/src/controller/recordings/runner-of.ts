import type { OpenRecording } from '../../store/recordings.ts'
import type { Parts } from '../parts.ts'
import type { RunnerTarget } from '../runner-client.ts'

/** How to ask the runner that records; null when no runner has taken the session or nobody knows where it listens. */
export function runnerOf(
  parts: Pick<Parts, 'runnerSecret'>,
  runner: OpenRecording['runner'],
): RunnerTarget | null {
  if (runner === null || !runner.assigned || runner.address === null) return null
  return {
    runnerId: runner.id,
    address: runner.address as RunnerTarget['address'],
    secret: parts.runnerSecret.of(runner.id),
  }
}
