// A program as many command lines are: stages with spinners that redraw their lines, one of them failing and tried again.
import { setTimeout as delay } from 'node:timers/promises'

import { Listr } from 'listr2'

let tries = 0

await new Listr(
  [
    { title: 'fetching 漢字', task: async (_, task) => count(5, (n) => (task.output = `${n * 20} %`)) },
    {
      title: 'checking',
      task: (_, task) =>
        task.newListr([
          { title: 'names', task: async () => count(4) },
          { title: 'sizes', task: async () => count(6) },
        ]),
    },
    {
      title: 'sending',
      retry: 2,
      task: async () => {
        await count(2)
        tries += 1
        if (tries < 2) throw new Error('not yet')
      },
    },
    { title: 'packed', task: async () => count(2) },
  ],
  { concurrent: false },
).run()

async function count(steps: number, each: (step: number) => void = () => {}): Promise<void> {
  for (let step = 1; step <= steps; step++) {
    each(step)
    await delay(60)
  }
}
