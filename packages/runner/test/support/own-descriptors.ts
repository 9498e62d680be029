import assert from 'node:assert/strict'

import type { TestRunner } from './start-runner.ts'

const LIST = 'ls /proc/$$/fd > list; tr "\\n" " " < list; echo end'

/** Assigns a shell that tells which descriptors it has. */
export async function assignDescriptorLister(runner: TestRunner): Promise<void> {
  await runner.assignScript(LIST)
}

/** Fails unless that shell has its terminal and nothing else. dash keeps a copy of its terminal at 10. */
export async function assertOnlyTheTerminal(runner: TestRunner): Promise<void> {
  const terminal = await runner.connect()
  assert.match(await terminal.shows('end'), /^0 1 (?:10 )?2 end/)
  await terminal.exited()
}
