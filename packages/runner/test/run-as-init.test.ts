import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { startRunner } from './support/start-runner.ts'

/** Makes the runner the first process of a namespace, as a container does. */
const AS_INIT = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child']

test('as process 1 the runner reaps orphans, and ends its session on SIGTERM', async (t) => {
  const runner = await startRunner(t, { wrapper: AS_INIT, secretFile: true, withoutRoot: true })
  const orphan = '(setsid sh -c "sleep 0.1; exit 3" &)'
  await runner.assignScript(
    `${orphan}; sleep 0.4; ps ax -o pid,ppid,stat,comm > processes; echo on; sleep 1000`,
  )
  const terminal = await runner.connect()
  await terminal.shows('on')
  const processes = readFileSync(join(runner.workFolder, 'processes'), 'utf8')
  assert.match(processes, /^ +1 +0 \S+ +sh$/m)
  assert.equal(/ Z/.test(processes), false, processes)
  // The signal goes to process 1, which is the child of unshare.
  const children = readFileSync(`/proc/${runner.child.pid}/task/${runner.child.pid}/children`, 'utf8')
  process.kill(Number(children.trim()), 'SIGTERM')
  assert.equal((await terminal.exited()).reason, 'killed')
  assert.equal(await runner.ended(), 0)
})
