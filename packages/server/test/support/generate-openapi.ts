import { parseConfig } from '../../src/config/parse.ts'
import { createLog } from '../../src/observability/log.ts'
import { createServer } from '../../src/server.ts'
import { dataFolder, removeDataFolder } from './data-folder.ts'
import { type Generated, generated } from './generated.ts'

/** The OpenAPI document that a running server answers with. */
export async function generatedOpenApi(): Promise<Generated> {
  const dataDir = await dataFolder()
  const flags = ['--port=0', '--internal-port=0', '--spare-runners=0', `--data-dir=${dataDir}`]
  const server = createServer(parseConfig(flags, {}), createLog({ level: 'warn' }))
  try {
    await server.start()
    return await openApiOf(server.url)
  } finally {
    await server.close()
    await removeDataFolder(dataDir)
  }
}

/** The document of a server that runs already. */
export async function openApiOf(url: string): Promise<Generated> {
  const document: unknown = await (await fetch(`${url}/openapi.json`)).json()
  return generated('openapi.json', JSON.stringify(document, null, 2))
}
