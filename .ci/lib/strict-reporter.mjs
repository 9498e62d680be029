// A test reporter that writes down, as one line of JSON, how many tests passed and failed, how long each file took, and
// what files with a failure printed. Tests that were skipped or left undone, and files that hold no test, count as failed and
// are named.
import { resolve } from 'node:path'

/** Bytes of what a file printed that are kept: the last ones. */
const KEPT_LOG = 65_536

/** Yields one line of JSON at the end of the run. */
export default async function* strictReporter(source) {
  const left = []
  const files = new Map()
  let passed = 0
  let failed = 0
  for await (const { type, data } of source) {
    const file = entryOf(files, data?.file)
    if (type === 'test:stdout' || type === 'test:stderr')
      file.log = (file.log + data.message).slice(-KEPT_LOG)
    if (type === 'test:summary' && data.file !== undefined) file.ms = data.duration_ms
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.nesting === 0) file.ownMs += data.details.duration_ms
    const reason = reasonToRefuse(type, data)
    if (reason) left.push(`${data.name} ${reason} (${data.file})`)
    if (reason || type === 'test:fail') file.failed += 1
    if (reason || data.details?.type === 'suite') continue
    file.tests += 1
    if (type === 'test:pass') passed += 1
    else failed += 1
  }
  yield `${JSON.stringify({ passed, failed: failed + left.length, left, files: summaries(files) })}\n`
}

function entryOf(files, path) {
  const fresh = { ms: 0, ownMs: 0, tests: 0, failed: 0, log: '' }
  if (path === undefined) return fresh
  const file = resolve(path)
  if (!files.has(file)) files.set(file, fresh)
  return files.get(file)
}

/** Files that share a process have no time of their own but that of their tests. */
function summaries(files) {
  return [...files].map(([file, { ms, ownMs, tests, failed, log }]) => ({
    file,
    ms: Math.round(ms || ownMs),
    tests,
    failed,
    log: failed > 0 ? log : '',
  }))
}

function reasonToRefuse(type, { name, file, skip, todo }) {
  if (skip !== undefined) return 'is skipped'
  if (todo !== undefined) return 'is left to do'
  if (type === 'test:pass' && file !== undefined && resolve(name) === file) return 'holds no test'
  return undefined
}
