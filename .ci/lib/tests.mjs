import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compiled, compileRunner } from './compiled.mjs'
import { ImportGraph } from './imports.mjs'
import { isLight } from './light.mjs'
import { at, cache, filesIn, foldersIn } from './root.mjs'
import { withTestDatabase } from './test-database.mjs'
import { Refusal, run } from './run.mjs'
import { rememberTimes, tellFailures, tellSlowest } from './test-times.mjs'

/** Flags with which every source file and test of the repository runs. */
export const sourceFlags = ['--conditions=@cliscale/source', `--import=${at('.ci/lib/source-loader.mjs')}`]

/** All test files, those of the lower packages first. */
export function testFiles() {
  const folders = [
    '.ci/test',
    ...['sdk', 'runner', 'server', 'react'].map((name) => `packages/${name}/test`),
    ...foldersIn('examples').map((name) => `examples/${name}/test`),
  ]
  return folders.flatMap((folder) => filesIn(folder)).filter((file) => /\.test\.(ts|tsx|mjs)$/.test(file))
}

/**
 * Runs test files, those that start nothing together in one process. Resolves to how many tests passed and failed; a
 * skipped or unfinished one is a failure. `apart`: each file in a process of its own, as Node 20 needs.
 */
export async function runTests(node, files, { flags = [], env = {}, apart = false, graph } = {}) {
  mkdirSync(cache, { recursive: true })
  const seed = process.env.CLISCALE_TEST_SEED || String(randomInt(2 ** 31))
  console.log(`Seed of what is random: CLISCALE_TEST_SEED=${seed}`)
  const known = graph ?? new ImportGraph()
  const light = apart ? [] : files.filter((file) => isLight(known, file))
  const others = files.filter((file) => !light.includes(file))
  const reports = []
  const runAll = async (database) => {
    const variables = { ...compiled, CLISCALE_TEST_SEED: seed, ...env, ...database }
    if (light.length > 0)
      reports.push(await runOnce(node, light, { flags: [...flags, ...together], variables }))
    if (others.some((file) => known.uses(file).has(RUNNER)))
      await compileRunner(env.CLISCALE_TEST_NODE || node)
    if (others.length > 0)
      reports.push(await runOnce(node, others, { flags: [...flags, ...separate], variables }))
  }
  if (others.some((file) => known.uses(file).has(DATABASE))) await withTestDatabase(runAll)
  else await runAll({})
  return sumUp(reports, light)
}

/** What runs beside each terminal. */
const RUNNER = 'packages/runner/src/main.ts'

/** With what tests have a database. */
const DATABASE = 'packages/server/test/support/database.ts'

const together = [`--import=${at('.ci/lib/start-nothing.mjs')}`, '--test-isolation=none']

/** Three files at a time: half of the time of most is waiting for timers, so two leave two processors idle for a third of it. */
const separate = ['--test-concurrency=3']

async function runOnce(node, files, { flags, variables }) {
  const path = join(cache, `tests-${process.pid}.json`)
  const code = await run(node, nodeArguments(flags, path, files), { env: variables })
  const report = readFileSync(path, 'utf8')
  rmSync(path)
  if (report === '') throw new Refusal('The tests were interrupted.')
  return { code, ...JSON.parse(report) }
}

function nodeArguments(flags, report, files) {
  return [
    ...flags,
    '--test',
    '--test-timeout=600000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${at('.ci/lib/strict-reporter.mjs')}`,
    `--test-reporter-destination=${report}`,
    ...files,
  ]
}

function sumUp(reports, light) {
  const files = reports.flatMap((report) => report.files)
  const sum = (name) => reports.reduce((total, report) => total + report[name], 0)
  const empty = light.filter((file) => !files.some((known) => known.file === at(file) && known.tests > 0))
  const left = [...reports.flatMap((report) => report.left), ...empty.map((file) => `${file} holds no test`)]
  const [passed, failed] = [sum('passed'), sum('failed') + empty.length]
  rememberTimes(files)
  tellSlowest(files)
  tellFailures(files)
  for (const reason of left) console.error(reason)
  if (passed + failed === 0) console.error('No test ran.')
  return { passed, failed, ok: reports.every(({ code }) => code === 0) && failed === 0 && passed > 0 }
}
