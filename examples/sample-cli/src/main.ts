#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { Listr } from 'listr2'
import { compress, generate, type Job, measure, verify } from './stages.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '48' },
    pace: { type: 'string', default: '20' },
    corrupt: { type: 'boolean', default: false },
  },
})

const job: Job = {
  count: wholeNumber('--files', values.files, 1_000),
  paceMs: wholeNumber('--pace', values.pace, 1_000),
  corrupt: values.corrupt,
  files: [],
}

const stages = new Listr<Job>(
  [
    { title: 'Generate files', task: (context, task) => generate(context, (text) => (task.output = text)) },
    { title: 'Compress them', task: (context, task) => compress(context, (text) => (task.output = text)) },
    { title: 'Verify each digest', task: (context, task) => verify(context, (text) => (task.output = text)) },
  ],
  { ctx: job, rendererOptions: { collapseSubtasks: false } },
)

try {
  await stages.run()
  console.log(measure(job))
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 3
}

function wholeNumber(flag: string, text: string, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= max) return value
  console.error(`${flag} must be a whole number from 0 to ${max}, not ${text}`)
  process.exit(2)
}
