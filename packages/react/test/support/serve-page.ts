import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { PageFiles } from './build-page.ts'

/** Serves the files of a page until the test ends. Resolves to the page's address. */
export async function servePage(t: TestContext, files: PageFiles): Promise<string> {
  const server = createServer(({ url = '/' }, answer) => {
    const file = files[url]
    if (file === undefined) answer.writeHead(404).end()
    else answer.writeHead(200, { 'content-type': file.type }).end(file.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
