// A test reporter that prints nothing and writes down how many tests ran, and which were skipped or left undone.
/** Yields one JSON line at the end of the run. */
export default async function* strictReporter(source) {
  const left = []
  let passed = 0
  let failed = 0
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.skip !== undefined || data.todo !== undefined) left.push(`${data.name} (${data.file})`)
    if (data.details?.type === 'suite') continue
    if (type === 'test:pass') passed += 1
    else failed += 1
  }
  yield `${JSON.stringify({ passed, failed, left })}\n`
}
