// npm test [-- [--stalls] part of a path …]: installs and builds what is missing, then runs every test of the repository;
// with --stalls while processes of theirs are paused at random.
import { build } from './lib/build.mjs'
import { ensureBrowser } from './lib/browser.mjs'
import { install, pinnedNode } from './lib/install.mjs'
import { main, Refusal } from './lib/run.mjs'
import { ensureReact18, needsReact18 } from './lib/react-18.mjs'
import { ensureS3Server, needsS3Server } from './lib/s3-server.mjs'
import { stall } from './lib/stalls.mjs'
import { ensureTtyd, needsTtyd } from './lib/ttyd.mjs'
import { runTests, sourceFlags, testFiles } from './lib/tests.mjs'

await main(async () => {
  await install()
  await build()
  const filters = process.argv.slice(2).filter((argument) => argument !== '--stalls')
  const files = testFiles().filter(
    (file) => filters.length === 0 || filters.some((part) => file.includes(part)),
  )
  if (files.length === 0) throw new Refusal(`No test file matches ${filters.join(' ')}.`)
  const env = {
    CHROMIUM_PATH: await ensureBrowser(),
    ...(files.some(needsS3Server) ? { S3_SERVER_PATH: await ensureS3Server() } : {}),
    ...(files.some(needsReact18) ? { REACT_18_PATH: await ensureReact18() } : {}),
    ...(files.some(needsTtyd) ? { TTYD_PATH: await ensureTtyd() } : {}),
  }
  const end = process.argv.includes('--stalls') ? stall() : undefined
  const { ok } = await runTests(pinnedNode(), files, { flags: sourceFlags, env })
  if (end !== undefined) console.log(`${end()} pauses`)
  return ok ? 0 : 1
})
