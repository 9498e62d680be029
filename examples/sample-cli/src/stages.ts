import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'

/** One run of the sample: what was asked for, and what it made. */
export interface Job {
  readonly count: number
  /** Least time per file and stage, so that a person can follow. */
  readonly paceMs: number
  /** Damages one file before the last stage, to show a failure. */
  readonly corrupt: boolean
  files: { name: string; digest: string; size: number; packed: Buffer }[]
}

/** Shows one line of progress under a stage. */
export type Show = (text: string) => void

const BAR_WIDTH = 24

/** Writes files of repeatable content into a temporary folder and reads them back. */
export async function generate(job: Job, show: Show): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sample-cli-'))
  try {
    for (let index = 0; index < job.count; index += 1) {
      const name = `file-${String(index).padStart(3, '0')}.txt`
      await writeFile(join(folder, name), `${name}\n`.repeat(512))
      const content = await readFile(join(folder, name))
      job.files.push({ name, digest: sha256(content), size: content.length, packed: content })
      await step(job, show, index, name)
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Compresses every file. */
export async function compress(job: Job, show: Show): Promise<void> {
  for (const [index, file] of job.files.entries()) {
    file.packed = await promisify(gzip)(file.packed)
    await step(job, show, index, `${file.name} ${file.size} → ${file.packed.length} bytes`)
  }
}

/** Unpacks every file and compares its digest with the first. */
export async function verify(job: Job, show: Show): Promise<void> {
  const damaged = job.files.at(-1)
  if (job.corrupt && damaged !== undefined) damaged.packed = await promisify(gzip)('damaged')
  for (const [index, file] of job.files.entries()) {
    const content = await promisify(gunzip)(file.packed)
    if (sha256(content) !== file.digest) throw new Error(`${file.name} is not what it was`)
    await step(job, show, index, file.name)
  }
}

/** The closing line. */
export function measure(job: Job): string {
  const before = job.files.reduce((sum, file) => sum + file.size, 0)
  const after = job.files.reduce((sum, file) => sum + file.packed.length, 0)
  return `${job.files.length} files, ${before} bytes, ${after} compressed, all digests match`
}

async function step(job: Job, show: Show, index: number, text: string): Promise<void> {
  const done = Math.round(((index + 1) / job.count) * BAR_WIDTH)
  show(`${'█'.repeat(done)}${'░'.repeat(BAR_WIDTH - done)} ${index + 1}/${job.count} ${text}`)
  if (job.paceMs > 0) await pause(job.paceMs)
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
