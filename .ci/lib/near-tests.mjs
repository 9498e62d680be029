import { knownTimes } from './test-times.mjs'

/** What a file is taken to need that has not run here yet, in milliseconds. */
const UNKNOWN_MS = 5_000

/** Time of all processors together that the tests of a change may take, in milliseconds. */
export const BUDGET_MS = 200_000

/**
 * Of the test files those that are made of what changed, nearest first: a test that imports a changed file comes before one
 * that starts a server which imports it. `left` are those for which there is no time in `budgetMs`.
 */
export function chooseTests(graph, { tests, changed, budgetMs = BUDGET_MS }) {
  const steps = graph.reachedFrom(changed)
  const times = knownTimes()
  const reached = tests
    .filter((file) => steps.has(file))
    .sort((a, b) => steps.get(a) - steps.get(b) || (times[a] ?? UNKNOWN_MS) - (times[b] ?? UNKNOWN_MS))
  const chosen = []
  const left = []
  let ms = 0
  for (const file of reached) {
    ms += times[file] ?? UNKNOWN_MS
    if (ms > budgetMs && steps.get(file) > 0) left.push(file)
    else chosen.push(file)
  }
  return { chosen, left }
}
