import { existsSync } from 'node:fs'
import { at, foldersIn } from './root.mjs'

/** What is checked for types by itself, by name: the tsconfig of each. */
export const projects = {
  protocol: 'packages/sdk/tsconfig.protocol.json',
  sdk: 'packages/sdk/tsconfig.json',
  react: 'packages/react/tsconfig.json',
  runner: 'packages/runner/tsconfig.json',
  server: 'packages/server/tsconfig.json',
  console: 'packages/server/console/tsconfig.json',
  ...Object.fromEntries(
    foldersIn('examples')
      .map((name) => [name, `examples/${name}/tsconfig.json`])
      // One in another language has none.
      .filter(([name]) => existsSync(at('examples', name, 'package.json'))),
  ),
}

/** Files on which the types of all projects hang. */
const SHARED = /(^|\/)(package(-lock)?\.json|tsconfig[\w.]*\.json)$/

/** The projects that may have other types after a change of these files. */
export function projectsOf(graph, changed) {
  if (changed.some((file) => SHARED.test(file))) return Object.keys(projects)
  const reached = [...graph.reachedFrom(changed, ['import', 'type']).keys()]
  return Object.keys(projects).filter((name) => reached.some((file) => isIn(name, file)))
}

function isIn(name, file) {
  if (name === 'protocol') return file.startsWith('packages/sdk/src/protocol/')
  if (name === 'server' && file.startsWith('packages/server/console/')) return false
  return file.startsWith(projects[name].replace(/[^/]*$/, ''))
}
