import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** What is made once for each release of the runner, and lies beside the work folders: its copy, or its compiled code. */
export type ReleaseKind = 'software' | 'compiled'

/** Folder of what is made of `text`, the runner's main file, for the Node that runs now. */
export function releaseFolder(work: string, kind: ReleaseKind, text: string | Buffer): string {
  const mark = createHash('sha256').update(text).update(process.version).digest('base64url').slice(0, 16)
  return join(work, `${kind}-${mark}`)
}

/** Removes those of earlier releases. Runners that still run have what they need of theirs in memory, and end without it. */
export async function removeOtherReleases(work: string, kind: ReleaseKind, place: string): Promise<void> {
  const name = new RegExp(`^${kind}-[\\w-]{16}$`)
  for (const entry of await readdir(work)) {
    const path = join(work, entry)
    if (name.test(entry) && path !== place) await rm(path, { recursive: true, force: true })
  }
}
