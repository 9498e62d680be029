import { redactConfig } from '../config/describe.ts'
import { checkedConfigOf } from './config-of.ts'
import type { CommandLine } from './main.ts'
import { printResult } from './result.ts'

/** Prints the configuration that would be used, as JSON without secrets. */
export async function showConfig(line: CommandLine): Promise<number> {
  return await printResult(`${JSON.stringify(redactConfig(await checkedConfigOf(line)), null, 2)}\n`)
}
