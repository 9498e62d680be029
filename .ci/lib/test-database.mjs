import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { pinnedNode } from './install.mjs'
import { at, root } from './root.mjs'
import { environment, Refusal } from './run.mjs'

/** Runs tests while one PostgreSQL serves all their files, so that each need not make its own. */
export async function withTestDatabase(body) {
  const child = spawn(
    pinnedNode(),
    ['--conditions=@cliscale/source', at('packages/server/test/support/serve-database.ts')],
    { cwd: root, env: environment(), stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  const [url] = await Promise.race([once(lines, 'line'), closed.then(() => [undefined])])
  if (url === undefined) throw new Refusal('The PostgreSQL for the tests did not start.')
  try {
    return await body({ CLISCALE_TEST_DATABASE_URL: url })
  } finally {
    child.stdin.end()
    await closed
  }
}
