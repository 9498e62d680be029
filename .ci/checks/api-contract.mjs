// Asks the built server everything that its own OpenAPI document allows, and much that it does not: no answer may be a 500 or of
// another shape than the document says. What is asked, and what is left out and why, stands in .ci/schemathesis.toml.
import { build } from '../lib/build.mjs'
import { pinnedNode } from '../lib/install.mjs'
import { at, cache } from '../lib/root.mjs'
import { main, run } from '../lib/run.mjs'
import { ensureSchemathesis } from '../lib/schemathesis.mjs'

const LIMIT_SECONDS = 40

const ASK =
  'exec "$SCHEMATHESIS" --config-file "$CONFIG" run "$CLISCALE_URL/openapi.json" --max-time "$LIMIT_SECONDS"'

await main(async () => {
  const program = await ensureSchemathesis()
  if (program === null) {
    console.log('Skipped: schemathesis cannot be fetched here. CI does not skip this.')
    return 0
  }
  await build()
  const env = {
    SCHEMATHESIS: program,
    CONFIG: at('.ci/schemathesis.toml'),
    LIMIT_SECONDS: String(LIMIT_SECONDS),
  }
  const server = [at('packages/server/dist/cli.js'), 'exec', '--spare-runners=0', '--max-sessions=1']
  // It leaves what failed in the folder where it runs.
  return run(pinnedNode(), [...server, '--', 'sh', '-c', ASK], { cwd: cache, env })
})
