// npm run check:node [-- 20|22|26 …] [--all]: the SDK's tests on the releases that only it supports; on the newest those that
// start nothing and those of what hangs on Node's inside, with --all everything that runs in Node. What runs in a browser and
// what checks this repository is the same there as under `npm test`.
import { build } from './lib/build.mjs'
import { ImportGraph } from './lib/imports.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { isLight } from './lib/light.mjs'
import { insideTests } from './lib/node-inside.mjs'
import { otherNode } from './lib/nodes.mjs'
import { at } from './lib/root.mjs'
import { main, Refusal } from './lib/run.mjs'
import { runTests, sourceFlags, testFiles } from './lib/tests.mjs'
import { needsBrowser, toolsFor } from './lib/test-tools.mjs'

const all = process.argv.includes('--all')
const isSdk = (file) => file.startsWith('packages/sdk/') && !needsBrowser(file)
const runsInNode = (file) => !needsBrowser(file) && !file.startsWith('.ci/')
const oldFlags = ['--conditions=@cliscale/source', `--import=${at('.ci/lib/old-node-loader.mjs')}`]

/** The old ones cannot run our server, so they talk to one on the pinned Node. */
const releases = {
  20: { files: sdkTests, flags: oldFlags, apart: true, server: pinnedNode },
  22: { files: sdkTests, flags: sourceFlags, apart: true, server: pinnedNode },
  26: { files: newestTests, flags: sourceFlags, server: () => '' },
}

await main(async () => {
  const chosen = process.argv.slice(2).filter((argument) => argument !== '--all')
  const unknown = chosen.find((major) => !(major in releases))
  if (unknown) throw new Refusal(`No Node ${unknown} here; there are ${Object.keys(releases).join(', ')}.`)
  await install()
  await build()
  const graph = new ImportGraph()
  const failed = []
  for (const [major, { files, flags, apart, server }] of Object.entries(releases)) {
    if (chosen.length > 0 && !chosen.includes(major)) continue
    const tests = files(graph)
    console.log(`\nNode ${major}`)
    const env = { CLISCALE_TEST_NODE: server(), ...(await toolsFor(tests)) }
    const { ok } = await runTests(await otherNode(major), tests, { flags, env, apart, graph })
    if (!ok) failed.push(major)
  }
  if (failed.length > 0) console.error(`Failed on Node ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
})

function sdkTests() {
  return testFiles().filter(isSdk)
}

function newestTests(graph) {
  const inside = insideTests()
  return testFiles().filter(
    (file) => runsInNode(file) && (all || inside.includes(file) || isLight(graph, file)),
  )
}
