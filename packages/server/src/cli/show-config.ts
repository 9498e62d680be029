import { redactConfig } from '../config/describe.ts'
import { configOf } from './config-of.ts'
import type { CommandLine } from './main.ts'
import { printResult } from './result.ts'

/** Prints the configuration that would be used, as JSON without secrets. */
export async function showConfig(line: CommandLine): Promise<number> {
  return await printResult(`${JSON.stringify(redactConfig(configOf(line)), null, 2)}\n`)
}
