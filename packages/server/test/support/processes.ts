import { readdir, readFile } from 'node:fs/promises'

/** Command lines of live processes that mention `text`; zombies have none. */
export async function processesWith(text: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
  const lines = await Promise.all(
    pids.map(async (pid) =>
      (await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')).replaceAll('\0', ' '),
    ),
  )
  return lines.filter((line) => line.includes(text))
}
