import { CodedError } from '../../../http/coded-error.ts'

/** What the system lacks, by its code, with what the operator can do. */
const LACKS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk of its data folder is full',
  EDQUOT: 'the quota of its disk is used up',
  EROFS: 'its data folder is on a disk that cannot be written to',
  EMFILE: 'it has no file descriptor left (ulimit -n)',
  ENFILE: 'the machine has no file descriptor left',
  EAGAIN: 'it may start no more processes (ulimit -u, or pids.max of its cgroup)',
  ENOMEM: 'the machine has no memory left',
}

/** The refusal of a runner that could not be started: what the server lacks, where it is that, and not a bare code. */
export function startFailure(cause: unknown): CodedError {
  if (cause instanceof CodedError) return cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const lack = LACKS[code]
  const message = lack === undefined ? undefined : `The server cannot start a runner: ${lack} (${code}).`
  return new CodedError('START_FAILED', message, { cause })
}
