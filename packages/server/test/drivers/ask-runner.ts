import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { RunnerAddress } from '../../src/drivers/driver.ts'

/** One GET on a runner's port. */
export async function askRunner(
  address: RunnerAddress,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const target = address.startsWith('unix:')
      ? { socketPath: address.slice('unix:'.length) }
      : {
          host: address.slice(4, address.lastIndexOf(':')),
          port: address.slice(address.lastIndexOf(':') + 1),
        }
    const asked = request({ ...target, path, headers, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}
