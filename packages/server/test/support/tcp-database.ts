import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** The same database by TCP, for processes that may not enter the folder of its socket. */
export async function byTcp(t: TestContext, connectionString: string): Promise<string> {
  const url = new URL(connectionString.replace('@/', '@socket/'))
  const folder = url.searchParams.get('host')
  if (folder === null) return connectionString
  const path = join(folder, `.s.PGSQL.${url.searchParams.get('port') ?? '5432'}`)
  const server = createServer((client) => {
    const database = connect(path)
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      socket.on('error', () => undefined)
      socket.on('close', () => other.destroy())
      socket.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  url.searchParams.delete('host')
  url.searchParams.delete('port')
  const { port } = server.address() as AddressInfo
  return url.href.replace(/@[^/]*\//, `@127.0.0.1:${port}/`)
}
