import type { TestContext } from 'node:test'

/** A test's context whose hooks run last first: what was opened later is closed before what it stands on. */
export function backwards(t: TestContext): TestContext {
  const hooks: (() => unknown)[] = []
  t.after(async () => {
    for (const hook of hooks.toReversed()) await hook()
  })
  // Not a copy by prototype: the context's own getters read private fields.
  const context = {
    after: (hook: () => unknown) => void hooks.push(hook),
    diagnostic: (message: string) => t.diagnostic(message),
    get passed() {
      return (t as { readonly passed?: boolean }).passed
    },
  }
  return context as unknown as TestContext
}
