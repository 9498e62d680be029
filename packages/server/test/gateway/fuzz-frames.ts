// Hunts for streams on which the frame tracker and the reference reader disagree, and saves each as a corpus entry:
//   node --conditions=@cliscale/source packages/server/test/gateway/fuzz-frames.ts [seconds] [seed]
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { CORPUS_FOLDER, writeStream } from './support/corpus.ts'
import { referenceRead, trackerRead } from './support/frame-readers.ts'
import { cut, rawFrame } from './support/raw-frames.ts'

const [seconds = '10', seed = String(Date.now())] = process.argv.slice(2)
let state = Number(seed) >>> 0

/** xorshift32 (Marsaglia, 2003): the same seed gives the same hunt. */
function random(below: number): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}

function stream(masked: boolean): Buffer {
  const frames = Array.from({ length: random(8) }, () =>
    rawFrame({
      opcode: [0, 1, 2, 2, 2, 8, 9, 10, random(16)][random(9)] ?? 2,
      fin: random(4) > 0,
      rsv: random(40) === 0 ? 1 + random(7) : 0,
      payload: Buffer.alloc(
        [0, 1, 5, 125, 126, 127, 65_535, 65_536, random(70_000)][random(9)] ?? 0,
        random(256),
      ),
      ...(masked !== (random(60) === 0)
        ? { mask: Buffer.from([random(256), random(256), random(256), random(256)]) }
        : {}),
    }),
  )
  const bytes = Buffer.concat(frames)
  for (let i = random(3); i > 0 && bytes.length > 0 && random(3) === 0; i -= 1)
    bytes[random(bytes.length)] = random(256)
  return bytes
}

const until = Date.now() + Number(seconds) * 1_000
let runs = 0
let found = 0
while (Date.now() < until) {
  const masked = random(2) === 0
  const bytes = stream(masked)
  const cuts = Array.from({ length: random(20) }, () => random(bytes.length + 1))
  const chunks = cut(bytes, cuts)
  const expected = referenceRead(bytes, masked)
  const seen = trackerRead(chunks, masked)
  runs += 1
  if (JSON.stringify(expected) === JSON.stringify(seen)) continue
  found += 1
  const entry = {
    note: `found by the fuzzer, seed ${seed}, run ${runs}`,
    from: masked ? 'client' : 'runner',
    stream: writeStream(bytes),
    cuts,
    ...expected,
  }
  const name = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  writeFileSync(`${CORPUS_FOLDER}${name}.json`, `${JSON.stringify(entry, null, 2)}\n`)
}
console.log(`${runs} streams, seed ${seed}: ${found === 0 ? 'no disagreement' : `${found} saved`}`)
process.exitCode = found === 0 ? 0 : 1
