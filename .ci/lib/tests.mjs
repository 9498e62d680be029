import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { at, cache, filesIn, foldersIn } from './root.mjs'
import { withTestDatabase } from './test-database.mjs'
import { run } from './run.mjs'

/** Flags with which every source file and test of the repository runs. */
export const sourceFlags = ['--conditions=@cliscale/source', `--import=${at('.ci/lib/source-loader.mjs')}`]

/** Where processes of the tests keep compiled code: most of what each start costs is to strip and compile the same files. */
const compiled = { NODE_COMPILE_CACHE: join(cache, 'compiled') }

/** All test files, those of the lower packages first. */
export function testFiles() {
  const folders = [
    '.ci/test',
    ...['sdk', 'runner', 'server', 'react'].map((name) => `packages/${name}/test`),
    ...foldersIn('examples').map((name) => `examples/${name}/test`),
  ]
  return folders.flatMap((folder) => filesIn(folder)).filter((file) => /\.test\.(ts|tsx|mjs)$/.test(file))
}

/** Runs test files. Resolves to how many tests passed and failed; a skipped or unfinished one is a failure. */
export async function runTests(node, files, { flags = [], env = {} } = {}) {
  mkdirSync(cache, { recursive: true })
  const report = join(cache, `tests-${process.pid}.json`)
  const runAll = (database) =>
    run(node, nodeArguments(flags, report, files), { env: { ...compiled, ...env, ...database } })
  const code = files.some(usesDatabase) ? await withTestDatabase(runAll) : await runAll({})
  const { passed, failed, left } = JSON.parse(readFileSync(report, 'utf8'))
  rmSync(report)
  for (const reason of left) console.error(reason)
  if (passed + failed === 0) console.error('No test ran.')
  return { passed, failed, ok: code === 0 && failed === 0 && passed > 0 }
}

const usesDatabase = (file) => file.startsWith('packages/server/test/')

/** Two files at a time: a third saves a tenth of the time on two processors, and lets deadlines of tests pass now and then. */
function nodeArguments(flags, report, files) {
  return [
    ...flags,
    '--test',
    '--test-concurrency=2',
    '--test-timeout=600000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${at('.ci/lib/strict-reporter.mjs')}`,
    `--test-reporter-destination=${report}`,
    ...files,
  ]
}
