import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'

const WORDS = [
  'request',
  'served',
  'from',
  'cache',
  'upstream',
  'retry',
  'GET',
  '/v1/items',
  'took',
  'größer',
  '日本',
]

/** Writes a log-like text of at least `bytes` bytes: numbered lines of many lengths, some coloured. @returns its last line */
export async function writeTextFile(path: string, bytes: number): Promise<string> {
  const out = createWriteStream(path)
  let written = 0
  let number = 0
  while (written < bytes) {
    let block = ''
    for (let line = 0; line < 1_000; line += 1) block += `${textLine((number += 1))}\n`
    written += Buffer.byteLength(block)
    if (!out.write(block)) await once(out, 'drain')
  }
  const last = `the last of ${number} lines`
  out.end(`${last}\n`)
  await finished(out)
  return last
}

function textLine(number: number): string {
  const words = Array.from(
    { length: 4 + (number % 13) },
    (_, index) => WORDS[(number * 7 + index * 3) % WORDS.length],
  )
  const text = `${String(number).padStart(8, '0')} ${words.join(' ')}`
  return number % 5 === 0 ? `\u001B[3${number % 8}m${text}\u001B[0m` : text
}
