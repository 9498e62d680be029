import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new data folder, its path short enough for sockets below it. */
export async function dataFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'cst-'))
}

/** Ends the runners that a server left, which outlive it by design, and removes its data. */
export async function removeDataFolder(folder: string): Promise<void> {
  for (const pid of await runnerPids(folder)) killGroup(pid)
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

/** Process ids of the runners that have a folder, whether they live or not. */
export async function runnerPids(folder: string): Promise<readonly number[]> {
  const runners = await readdir(join(folder, 'run')).catch(() => [])
  const notes = await Promise.all(
    runners.map((id) => readFile(join(folder, 'run', id, 'pid'), 'utf8').catch(() => '')),
  )
  return notes.filter((note) => note !== '').map((note) => (JSON.parse(note) as { pid: number }).pid)
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
