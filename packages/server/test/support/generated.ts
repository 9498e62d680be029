import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'

/** A file of the package that is made from its sources. */
export interface Generated {
  readonly path: string
  readonly content: string
}

/** Formats as the repository does, so that the formatter leaves the file alone. */
export async function generated(name: string, text: string): Promise<Generated> {
  const path = fileURLToPath(new URL(`../../${name}`, import.meta.url))
  const options = { filepath: path, printWidth: 110, semi: false, singleQuote: true }
  return { path, content: await format(text, options) }
}

/** What stands in the repository; empty when nothing does. */
export async function committed({ path }: Generated): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** Writes the file anew. */
export async function regenerate({ path, content }: Generated): Promise<void> {
  await writeFile(path, content)
}
