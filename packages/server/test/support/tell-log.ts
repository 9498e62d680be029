import type { TestContext } from 'node:test'

/** Prints a log when the test has failed. `npm test` prints it once more at its end. */
export function tellLogOfFailure(t: TestContext, name: string, log: () => string): void {
  t.after(() => {
    // Read late: the context knows at the end only. The types of Node 24 do not have it.
    const { passed } = t as { readonly passed?: boolean }
    if (passed === false) console.error(`--- log of ${name}\n${log().trimEnd()}`)
  })
}
