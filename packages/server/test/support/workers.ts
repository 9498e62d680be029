import { readdir, readFile } from 'node:fs/promises'
import type { SpawnedServer } from './spawn-server.ts'

/** Process ids of a server's workers that live now. */
export async function workerPids(supervisor: number): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
      const [state, parent] = status.slice(status.lastIndexOf(')') + 2).split(' ')
      if (Number(parent) !== supervisor || state === 'Z') return []
      const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
      return command.split('\0').includes('worker') ? [Number(pid)] : []
    }),
  )
  return found.flat()
}

/** True while the process lives. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Values of `/metrics` by name and labels, as they stand in the text. */
export async function scrape(
  server: Pick<SpawnedServer, 'internalUrl'>,
): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${server.internalUrl}/metrics`)).text()
  return new Map(
    [...text.matchAll(/^([a-z]\S*(?:\{.*\})?) (\S+)$/gm)].map(([, name = '', value]) => [
      name,
      Number(value),
    ]),
  )
}
