/**
 * Unpacks one archive in a process of its own: what a hostile archive makes of it happens apart from the runner, whose
 * secrets and descriptors are not here. The archive is its standard input, the folder its first argument, the limits as
 * JSON its second. It tells its progress and its end on standard output.
 */
import { writeSync } from 'node:fs'

import { extract } from './extract.ts'
import type { UnpackLimits } from './limits.ts'
import { Refused } from './refusals.ts'
import { MAX_REPORTED_PATH, type UnpackReport } from './unpack-report.ts'

/** At most so often a progress is told. */
const TELL_EVERY_MS = 50

const ARCHIVE_FD = 0

let toldAt = 0

function tell(report: UnpackReport): void {
  writeSync(1, `${JSON.stringify(report)}\n`)
}

function progress(done: number, total: number | null): void {
  if (done !== total && performance.now() - toldAt < TELL_EVERY_MS) return
  toldAt = performance.now()
  tell({ done, total })
}

function reportOf(error: unknown): UnpackReport {
  if (error instanceof Refused)
    return { refused: error.refusal, entry: error.entry.slice(0, MAX_REPORTED_PATH) }
  // Only a system call has `syscall`; all else is what zlib and the readers of archives say of their input.
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall !== undefined && code !== undefined) return { failed: code }
  process.stderr.write(`${String(error)}\n`)
  return { refused: 'damaged', entry: '' }
}

const [folder = '', limits = ''] = process.argv.slice(2)
try {
  await extract({ file: ARCHIVE_FD, folder, limits: JSON.parse(limits) as UnpackLimits, progress })
  tell({ unpacked: true })
} catch (error) {
  tell(reportOf(error))
}
// A stream that was given up must not keep the process.
process.exit()
