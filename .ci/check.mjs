// npm run check [-- --since=REF] [--all]: whether what changed since REF (origin/main) or is not committed yet is in order:
// types, lint and format of the changed files, all tests that start nothing, and the tests that are made of what changed,
// the nearest first, until they would take too long; --all runs all of those.
import { build } from './lib/build.mjs'
import { changedFiles } from './lib/changes.mjs'
import { ImportGraph } from './lib/imports.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { isLight } from './lib/light.mjs'
import { chooseTests } from './lib/near-tests.mjs'
import { projectsOf } from './lib/projects.mjs'
import { main, run, Refusal } from './lib/run.mjs'
import { runTests, sourceFlags, testFiles } from './lib/tests.mjs'
import { toolsFor } from './lib/test-tools.mjs'

await main(async () => {
  const { since, all } = flagsOf(process.argv.slice(2))
  await install()
  const { base, files } = await changedFiles(since)
  console.log(`${files.length} files changed since ${base.slice(0, 12)}`)
  const failed = []
  const step = async (name, check) => {
    const started = performance.now()
    const ok = await check()
    console.log(
      `=== ${name}: ${ok ? 'ok' : 'FAILED'} (${((performance.now() - started) / 1_000).toFixed(1)} s)`,
    )
    if (!ok) failed.push(name)
  }
  await step('lint', () => lint(files))
  await step('format', () => format(files))
  const graph = new ImportGraph()
  await step('types', () => types(graph, files))
  await step('tests', () => test(graph, files, all))
  if (failed.length > 0) console.error(`FAILED: ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
})

function flagsOf(args) {
  const since = args.find((flag) => flag.startsWith('--since='))?.slice('--since='.length)
  const unknown = args.find((flag) => !flag.startsWith('--since=') && flag !== '--all')
  if (unknown !== undefined)
    throw new Refusal(`There is no ${unknown}: npm run check -- [--since=REF] [--all]`)
  return { since, all: args.includes('--all') }
}

async function script(name, args) {
  return (await run(pinnedNode(), [`.ci/${name}.mjs`, ...args])) === 0
}

function lint(files) {
  const paths = files.filter((file) => /\.(ts|tsx|mts|mjs|js)$/.test(file))
  return paths.length === 0 || script('lint', paths)
}

async function format(files) {
  if (files.length === 0) return true
  return (await run('prettier', ['--check', '--ignore-unknown', '--log-level=warn', ...files])) === 0
}

function types(graph, files) {
  const names = projectsOf(graph, files)
  return names.length === 0 || script('typecheck', names)
}

async function test(graph, changed, all) {
  await build()
  const tests = testFiles()
  const light = tests.filter((file) => isLight(graph, file))
  const budget = all ? { budgetMs: Infinity } : {}
  const { chosen, left } = chooseTests(graph, { tests, changed, ...budget })
  const files = [...new Set([...light, ...chosen])]
  const { ok } = await runTests(pinnedNode(), files, {
    flags: sourceFlags,
    env: await toolsFor(files),
    graph,
  })
  console.log(`${light.length} test files start nothing, ${chosen.length} are near to what changed`)
  if (left.length > 0) console.log(`${left.length} farther ones were left out: npm run check -- --all`)
  return ok
}
