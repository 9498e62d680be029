import {
  isObject,
  type JsonObject,
  phaseReport,
  RUNNER_STATES,
  type RunnerEvent,
  type RunnerStatus,
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
      return { type: 'running' }
    case 'exit':
      return { type: 'exit', exit: sessionExit(object(json.exit)) }
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
  }
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
