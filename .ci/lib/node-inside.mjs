import { readFileSync } from 'node:fs'
import { at, filesIn } from './root.mjs'

const runner = (name) => `packages/runner/test/${name}.test.ts`
const server = (name) => `packages/server/test/${name}.test.ts`

/** What tells that a source hangs on how Node is inside, beyond what its documentation promises from release to release. */
const SIGNS =
  /\b_handle\b|\b_server\b|_readableState|_writableState|\bonread\b|\bprocess\.binding\b|internalBinding|\bcreateRequire\b|from 'node:(cluster|tty|v8|vm)'/

const pty = [
  runner('lose-no-output'),
  runner('run-command'),
  runner('end-command'),
  runner('hold-back-output'),
]
const splice = [server('gateway/splice'), server('gateway/upgrade')]

/**
 * Sources that hang on Node's inside, each with the tests that show it. These tests run on the newest Node as well. A source
 * with one of the signs must be here; others may.
 */
export const NODE_INSIDE = {
  'packages/runner/src/descriptors.ts': [runner('keep-secrets')],
  'packages/runner/src/init.ts': [runner('run-as-init')],
  'packages/runner/src/memory.ts': [runner('put-away-screen')],
  'packages/runner/src/terminal/input-queue.ts': [runner('resume-input')],
  'packages/runner/src/terminal/native.ts': pty,
  'packages/runner/src/terminal/pty.ts': pty,
  'packages/server/src/controller/event-follower.ts': [server('controller/end')],
  'packages/server/src/drivers/process/processes/launch.ts': [server('drivers/process')],
  'packages/server/src/drivers/process/folders/software.ts': [server('drivers/process')],
  'packages/server/src/node-inside/adopt.ts': [
    server('node-inside/adopt'),
    server('node-inside/shape'),
    ...splice,
  ],
  'packages/server/src/gateway/dial.ts': splice,
  'packages/server/src/gateway/read-buffers.ts': splice,
  'packages/server/src/gateway/splice.ts': splice,
  'packages/server/src/server/workers/crew.ts': [server('cli/workers')],
  'packages/server/src/server/workers/worker.ts': [server('cli/workers')],
}

/** Test files that run on the newest Node although they start processes. */
export const insideTests = () => [...new Set(Object.values(NODE_INSIDE).flat())].sort()

/** One sentence for each source without tests, and for each row that is not true any more. */
export function insideProblems(graph, table = NODE_INSIDE) {
  const sources = ['sdk', 'runner', 'server'].flatMap((name) => filesIn('packages', name, 'src'))
  const unnamed = sources.filter(
    (file) => file.endsWith('.ts') && !(file in table) && SIGNS.test(readFileSync(at(file), 'utf8')),
  )
  return [
    ...unnamed.map((file) => `${file} hangs on Node's inside: name its tests in .ci/lib/node-inside.mjs.`),
    ...Object.entries(table).flatMap(([file, tests]) => {
      if (!graph.has(file)) return [`.ci/lib/node-inside.mjs names ${file}, which does not exist.`]
      return tests
        .filter((test) => !graph.has(test) || !graph.uses(test).has(file))
        .map((test) => `.ci/lib/node-inside.mjs: ${test} does not use ${file}.`)
    }),
  ]
}
