// A test reporter that prints nothing and writes down how many tests passed and failed. Tests that were skipped or left
// undone, and files that hold no test, count as failed and are named.
import { resolve } from 'node:path'

/** Yields one line of JSON at the end of the run. */
export default async function* strictReporter(source) {
  const left = []
  let passed = 0
  let failed = 0
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const reason = reasonToRefuse(type, data)
    if (reason) left.push(`${data.name} ${reason} (${data.file})`)
    else if (data.details?.type === 'suite') continue
    else if (type === 'test:pass') passed += 1
    else failed += 1
  }
  yield `${JSON.stringify({ passed, failed: failed + left.length, left })}\n`
}

function reasonToRefuse(type, { name, file, skip, todo }) {
  if (skip !== undefined) return 'is skipped'
  if (todo !== undefined) return 'is left to do'
  if (type === 'test:pass' && file !== undefined && resolve(name) === file) return 'holds no test'
  return undefined
}
