// npm test [-- [--light|--heavy] [--security] [--stalls] part of a path …]: installs and builds what is missing, then runs every test of
// the repository; with --light only those that start nothing, with --heavy the others; with --security those that SECURITY.md
// names; with --stalls while processes of theirs are paused at random.
import { build } from './lib/build.mjs'
import { ImportGraph } from './lib/imports.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { isLight } from './lib/light.mjs'
import { main, Refusal } from './lib/run.mjs'
import { securityTests } from './lib/security-tests.mjs'
import { stall } from './lib/stalls.mjs'
import { runTests, sourceFlags, testFiles } from './lib/tests.mjs'
import { toolsFor } from './lib/test-tools.mjs'

await main(async () => {
  const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
  const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
  const unknown = flags.find((flag) => !['--light', '--heavy', '--security', '--stalls'].includes(flag))
  if (unknown !== undefined)
    throw new Refusal(
      `There is no ${unknown}: npm test -- [--light|--heavy] [--security] [--stalls] [part of a path …]`,
    )
  await install()
  const graph = new ImportGraph()
  const security = flags.includes('--security') ? securityTests() : undefined
  const files = testFiles().filter(
    (file) =>
      (parts.length === 0 || parts.some((part) => file.includes(part))) &&
      (security === undefined || security.includes(file)) &&
      (!flags.includes('--light') || isLight(graph, file)) &&
      (!flags.includes('--heavy') || !isLight(graph, file)),
  )
  if (files.length === 0) throw new Refusal(`No test file matches ${parts.join(' ')}.`)
  if (!flags.includes('--light')) await build()
  const env = await toolsFor(files)
  const end = flags.includes('--stalls') ? stall() : undefined
  const { ok } = await runTests(pinnedNode(), files, { flags: sourceFlags, env, graph })
  if (end !== undefined) console.log(`${end()} pauses`)
  return ok ? 0 : 1
})
