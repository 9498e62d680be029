// npm run check:node [-- 20|22|26 …]: the SDK's tests on the releases that only it supports, and on the newest all that
// runs in Node. What runs in a browser and what checks this repository is the same there as under `npm test`.
import { build } from './lib/build.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { otherNode } from './lib/nodes.mjs'
import { at } from './lib/root.mjs'
import { main, Refusal } from './lib/run.mjs'
import { ensureS3Server } from './lib/s3-server.mjs'
import { ensureTtyd } from './lib/ttyd.mjs'
import { runTests, sourceFlags, testFiles } from './lib/tests.mjs'

const isSdk = (file) => file.startsWith('packages/sdk/')
const runsInNode = (file) => !/\.e2e\.test\.tsx?$/.test(file) && !file.startsWith('.ci/')
const oldFlags = ['--conditions=@cliscale/source', `--import=${at('.ci/lib/old-node-loader.mjs')}`]

const releases = {
  20: { files: isSdk, flags: oldFlags },
  22: { files: isSdk, flags: oldFlags },
  26: { files: runsInNode, flags: sourceFlags },
}

await main(async () => {
  const chosen = process.argv.slice(2)
  const unknown = chosen.find((major) => !(major in releases))
  if (unknown) throw new Refusal(`No Node ${unknown} here; there are ${Object.keys(releases).join(', ')}.`)
  await install()
  await build()
  const failed = []
  for (const [major, { files, flags }] of Object.entries(releases)) {
    if (chosen.length > 0 && !chosen.includes(major)) continue
    console.log(`\nNode ${major}`)
    const env = {
      CLISCALE_TEST_NODE: files === isSdk ? pinnedNode() : '',
      ...(files === isSdk
        ? {}
        : {
            S3_SERVER_PATH: await ensureS3Server(),
            TTYD_PATH: await ensureTtyd(),
          }),
    }
    const { ok } = await runTests(await otherNode(major), testFiles().filter(files), { flags, env })
    if (!ok) failed.push(major)
  }
  if (failed.length > 0) console.error(`Failed on Node ${failed.join(', ')}`)
  return failed.length === 0 ? 0 : 1
})
