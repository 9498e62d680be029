import { knownTimes } from './test-times.mjs'
import { needsBrowser } from './test-tools.mjs'

/** What a file is taken to need that has not run here yet, in milliseconds: more when it has a browser. */
const unknownMs = (file) => (needsBrowser(file) ? 25_000 : 6_000)

/** Time of all processors together that the tests of a change may take, in milliseconds. */
export const BUDGET_MS = 160_000

/**
 * Of the test files those that are made of what changed, nearest first: a test of the same name or folder, and one that
 * imports a changed file, come before one that starts a server which imports it. `left` are those for which there is no time in
 * `budgetMs`.
 */
export function chooseTests(graph, { tests, changed, budgetMs = BUDGET_MS }) {
  const steps = graph.reachedFrom(changed)
  const times = knownTimes()
  const needs = (file) => times[file] ?? unknownMs(file)
  const rank = (file) => Math.min(steps.get(file), ...changed.map((other) => kinship(file, other)))
  const reached = tests
    .filter((file) => steps.has(file))
    .sort((a, b) => rank(a) - rank(b) || needs(a) - needs(b))
  const chosen = []
  const left = []
  let ms = 0
  for (const file of reached) {
    if (ms + needs(file) > budgetMs && steps.get(file) > 0) left.push(file)
    else {
      chosen.push(file)
      ms += needs(file)
    }
  }
  return { chosen, left }
}

/** In steps: one to a test of the source's name, two to one of its folder, in the same package. */
function kinship(test, source) {
  const [a, b] = [partsOf(test), partsOf(source)]
  if (a.home === '' || a.home !== b.home) return Infinity
  if (a.name === b.name) return 1
  return a.folder === b.folder && a.folder !== '' ? 2 : Infinity
}

/** Package, first folder below `src` or `test`, and name without what comes after its first dot. */
function partsOf(file) {
  const [, home = '', inside = ''] = /^(packages\/[a-z]+)\/(?:src|test)\/(.*)$/.exec(file) ?? []
  const names = inside.split('/')
  return { home, folder: names.length > 1 ? names[0] : '', name: names.at(-1).replace(/\..*$/, '') }
}
