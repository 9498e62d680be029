import { setTimeout as pause } from 'node:timers/promises'

/** Waits until `condition` yields something other than false, null or undefined, and returns it. */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { readonly what: string; readonly withinMs?: number },
): Promise<NonNullable<Exclude<T, false>>> {
  const { what, withinMs = 30_000 } = options
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await condition()
    if (value !== false && value !== null && value !== undefined)
      return value as NonNullable<Exclude<T, false>>
    if (performance.now() >= deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`)
    await pause(5)
  }
}
