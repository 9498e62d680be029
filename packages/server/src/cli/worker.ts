import { createLog } from '../observability/log.ts'
import { StartError } from '../server/data-folder.ts'
import { runWorker } from '../server/workers/worker.ts'

/** A process of a server with several; no command for people. Resolves when it has drained. */
export async function worker(): Promise<number> {
  if (process.send === undefined)
    throw new StartError('Workers are started by: cliscale-server --workers=<number>.')
  await runWorker(({ config, number }) => {
    const { logFormat, logLevel } = config
    const format = logFormat === 'pretty' ? 'pretty' : 'json'
    const log = createLog({ level: logLevel, format }).child({ worker: number })
    process.on('uncaughtException', (error) => {
      log.fatal({ err: error }, 'A worker failed unexpectedly')
      process.exit(1)
    })
    return log
  })
  process.exit(0)
}
