import { createError } from '../create-error.ts'
import { bounded } from '../deadline.ts'
import type { OutputReader } from './output-reader.ts'

/** Options of collecting output. */
export interface CollectOptions {
  /** Most bytes that are collected. Default 16,777,216. */
  readonly maxBytes?: number | undefined
  /** Ends the collecting; the terminal goes on. */
  readonly signal?: AbortSignal | undefined
}

const DEFAULT_MAX_BYTES = 16_777_216

/** Reads to the end. */
export async function collect(reader: OutputReader, options: CollectOptions): Promise<Uint8Array> {
  const { maxBytes = DEFAULT_MAX_BYTES, signal } = options
  try {
    return await bounded({ signals: [signal] }, async () => await readAll(reader, maxBytes))
  } finally {
    await reader.return()
  }
}

async function readAll(reader: OutputReader, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of reader) {
    length += chunk.length
    if (length > maxBytes)
      throw createError('OUTPUT_TOO_LARGE', `The output is larger than ${maxBytes} bytes.`)
    chunks.push(chunk)
  }
  const all = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.length
  }
  return all
}
