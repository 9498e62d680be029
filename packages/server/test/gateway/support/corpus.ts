import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cut } from './raw-frames.ts'

/** One saved input of the fuzzer: a stream, how it was cut, and what it must end in. */
export interface CorpusEntry {
  /** Why it is worth keeping. */
  readonly note: string
  /** `client`: masked; `runner`: not. */
  readonly from: 'client' | 'runner'
  /** The stream in hexadecimal, in words; `30*5` is the byte 30 five times. */
  readonly stream: string
  /** Offsets at which it was cut, or the size of every chunk. */
  readonly cuts: readonly number[] | number
  /** WebSocket opcode and payload length of every frame that must be found. */
  readonly frames: readonly (readonly [opcode: number, length: number])[]
  /** Code of the fault, or null. */
  readonly fault: string | null
}

/** Folder of the saved inputs, one JSON file each. */
export const CORPUS_FOLDER: string = fileURLToPath(new URL('../corpus/', import.meta.url))

/** Bytes as an entry's `stream`, runs of a byte shortened. */
export function writeStream(bytes: Buffer): string {
  const words: string[] = []
  for (let at = 0, end = 0; at < bytes.length; at = end) {
    while (end < bytes.length && bytes[end] === bytes[at]) end += 1
    const hex = bytes.toString('hex', at, at + 1)
    words.push(end - at > 8 ? ` ${hex}*${end - at} ` : hex.repeat(end - at))
  }
  return words.join('').trim()
}

/** The chunks of an entry. */
export function chunksOf({ stream, cuts }: CorpusEntry): Buffer[] {
  const words = stream.split(/ +/).map((word) => {
    const [byte = '', times] = word.split('*')
    return times === undefined
      ? Buffer.from(byte, 'hex')
      : Buffer.alloc(Number(times), Number.parseInt(byte, 16))
  })
  const bytes = Buffer.concat(words)
  if (typeof cuts !== 'number') return cut(bytes, cuts)
  return cut(
    bytes,
    Array.from({ length: Math.ceil(bytes.length / cuts) }, (_, i) => i * cuts),
  )
}

/** All saved inputs. */
export function readCorpus(): readonly CorpusEntry[] {
  return readdirSync(CORPUS_FOLDER)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => JSON.parse(readFileSync(`${CORPUS_FOLDER}${name}`, 'utf8')) as CorpusEntry)
}
