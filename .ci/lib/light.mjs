/** Modules with which a test starts a process or a thread, serves, or connects; `node:module` loads native addons. */
const STARTERS = new Set(
  (
    'node:child_process node:cluster node:dgram node:http node:http2 node:https node:module node:tls ' +
    'node:worker_threads esbuild fastify isomorphic-ws pg playwright-core react-dom/server vite ws'
  ).split(' '),
)

/**
 * True for a test file that starts nothing: neither it nor what it loads imports a module to do so. Such files share one
 * process, in which `start-nothing.mjs` refuses what this rule did not see. Sources may import `node:net` for its checks of
 * addresses; tests import it to listen.
 */
export function isLight(graph, file) {
  if (!graph.has(file) || /\.e2e\.test\.tsx?$/.test(file) || file.startsWith('.ci/')) return false
  const { files, foreign } = graph.loads(file)
  if ([...foreign].some((name) => STARTERS.has(name))) return false
  return !files.some((part) => part.includes('/test/') && graph.foreign(part).has('node:net'))
}
