import {
  type HeldLimit,
  type Isolation,
  ISOLATIONS,
  isObject,
  type JsonObject,
  LIMIT_KINDS,
  MAX_CLIENTS_PER_SESSION,
  MAX_RESUME_GAP_BYTES,
  phaseReport,
  RESUME_GAP_BYTES,
  RUNNER_STATES,
  type RunnerEvent,
  type RunnerFigures,
  type RunnerStatus,
  type SessionLimits,
  sessionExit,
} from '@cliscale/sdk/protocol'
import { CodedError } from '../http/coded-error.ts'

/** Reads one line of an event stream. @throws {CodedError} `RUNNER_UNREACHABLE`, {MalformedMessage} */
export function readEvent(json: JsonObject): RunnerEvent {
  switch (json.type) {
    case 'status':
      return { type: 'status', status: readStatus(object(json.status)) }
    case 'phase':
      return { type: 'phase', report: phaseReport(object(json.report)) }
    case 'running':
      return { type: 'running', isolation: isolation(json.isolation), limits: limits(json.limits) }
    case 'exit':
      return { type: 'exit', exit: sessionExit(object(json.exit)) }
    case 'figures':
      return { type: 'figures', figures: readFigures(object(json.figures)) }
    default:
      throw new CodedError('RUNNER_UNREACHABLE', 'The runner sent an event that is not of the contract.')
  }
}

/** Reads a status. @throws {CodedError} `RUNNER_UNREACHABLE`, {MalformedMessage} */
export function readStatus(json: JsonObject): RunnerStatus {
  const state = RUNNER_STATES.find((name) => name === json.state)
  const { runnerId, epoch, sessionId, phase, exit } = json
  if (state === undefined || typeof runnerId !== 'string' || typeof epoch !== 'string') throw malformed()
  const clients = object(json.clients)
  return {
    runnerId,
    epoch,
    state,
    sessionId: typeof sessionId === 'string' ? sessionId : null,
    phase: phase === null || phase === undefined ? null : phaseReport(object(phase)),
    exit: exit === null || exit === undefined ? null : sessionExit(object(exit)),
    clients: { driver: count(clients.driver), observer: count(clients.observer) },
    outputOffset: count(json.outputOffset),
    lastActivityAtMs: count(json.lastActivityAtMs),
    pid: count(json.pid),
    isolation: isolation(json.isolation),
    limits: limits(json.limits),
    ...(json.figures === undefined ? {} : { figures: readFigures(object(json.figures)) }),
  }
}

/** Largest ring that a runner may have. */
const MAX_RING_BYTES = 67_108_864

/** Reads figures: what no runner of ours can have is refused. @throws {CodedError} `RUNNER_UNREACHABLE` */
function readFigures(json: JsonObject): RunnerFigures {
  const resumes = object(json.resumes)
  const clients = object(json.clients)
  const { gaps } = json
  if (!Array.isArray(gaps) || gaps.length !== RESUME_GAP_BYTES.length + 1) throw malformed()
  const delta = count(resumes.delta)
  const snapshot = count(resumes.snapshot)
  const counted = gaps.map((gap) => count(gap))
  const gapBytes = count(json.gapBytes)
  const resumed = counted.reduce((sum, gap) => sum + gap, 0)
  if (resumed > delta + snapshot || gapBytes > resumed * MAX_RESUME_GAP_BYTES) throw malformed()
  return {
    resumes: { fresh: count(resumes.fresh), delta, snapshot, failed: count(resumes.failed) },
    gaps: counted,
    gapBytes,
    replayedBytes: count(json.replayedBytes),
    pausedMs: count(json.pausedMs),
    ringBytes: atMost(count(json.ringBytes), MAX_RING_BYTES),
    unackedBytes: atMost(count(json.unackedBytes), MAX_RING_BYTES),
    clients: {
      driver: atMost(count(clients.driver), MAX_CLIENTS_PER_SESSION),
      observer: atMost(count(clients.observer), MAX_CLIENTS_PER_SESSION),
    },
  }
}

function isolation(value: unknown): Isolation {
  const known = ISOLATIONS.find((name) => name === value)
  if (known === undefined) throw malformed()
  return known
}

function limits(value: unknown): SessionLimits {
  const json = object(value)
  return {
    processes: heldLimit(json.processes),
    memoryBytes: heldLimit(json.memoryBytes),
    cpus: heldLimit(json.cpus),
    openFiles: heldLimit(json.openFiles),
    diskBytes: heldLimit(json.diskBytes),
  }
}

function heldLimit(value: unknown): HeldLimit | null {
  if (value === null) return null
  const json = object(value)
  const by = LIMIT_KINDS.find((kind) => kind === json.by)
  if (by === undefined || typeof json.value !== 'number' || !(json.value > 0)) throw malformed()
  return { value: atMost(json.value, Number.MAX_SAFE_INTEGER), by }
}

function atMost(value: number, limit: number): number {
  if (value > limit) throw malformed()
  return value
}

function object(value: unknown): JsonObject {
  if (!isObject(value)) throw malformed()
  return value
}

function count(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw malformed()
  return value
}

function malformed(): CodedError {
  return new CodedError('RUNNER_UNREACHABLE', 'The runner answered what is not of the contract.')
}
