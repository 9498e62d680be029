// Hunts for payloads that the codec neither takes nor refuses as it should, and saves those whose outcome is new:
//   node --conditions=@cliscale/source packages/sdk/test/protocol/fuzz-codec.ts [seconds] [seed]
import { appendFileSync, existsSync } from 'node:fs'
import * as fc from 'fast-check'
import { encodeClientMessage, encodeServerMessage } from '../../src/protocol/index.ts'
import { toUtf8 } from '../../src/protocol/text.ts'
import { clientMessages, serverMessages } from './arbitraries.ts'
import { bytesOf, CORPUS_FILE, outcomeOf, readCorpus, type Sender, writePayload } from './codec-corpus.ts'

const [seconds = '10', seed = String(Date.now())] = process.argv.slice(2)
let state = Number(seed) >>> 0 || 1

/** xorshift32 (Marsaglia, 2003): the same seed gives the same hunt. */
function random(below: number): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % below
}

function one<T>(values: readonly T[]): T {
  return values[random(values.length)] as T
}

/** What parsers trip over. */
const TOKENS = [
  '-0', '-1', '0', '1.5', '1e3', '1e999', '9007199254740991', '9007199254740993', '007', 'NaN',
  'null', 'true', 'false', '""', '[]', '{}', '"\\ud800"', '"\\u0000"', '"driver"', '"observer"', '"running"', '"exited"',
  '"__proto__":{"polluted":1},', '"constructor":1,', '"toJSON":1,', '"type":"input",', '"columns":80,', ',', ':', '"',
  '\ufeff', '\u00e9', '\u{1f600}', '{', '}', '[[[[[[[[', ']]]]]]]]',
] // prettier-ignore

type Mutation = (bytes: Uint8Array, other: Uint8Array) => Uint8Array

const MUTATIONS: readonly Mutation[] = [
  (bytes) => bytes.with(random(bytes.length), random(256)),
  (bytes) => bytes.with(random(bytes.length), (bytes[random(bytes.length)] ?? 0) ^ (1 << random(8))),
  (bytes) => bytes.subarray(0, random(bytes.length + 1)),
  (bytes) => Uint8Array.of(one([...toUtf8('{0123ADHPRSKZXE')]), ...bytes.subarray(1)),
  (bytes, other) => splice(bytes, random(bytes.length + 1), random(9), other.subarray(random(other.length))),
  (bytes) => splice(bytes, random(bytes.length + 1), random(9), toUtf8(one(TOKENS))),
  (bytes) => replaceValue(bytes),
]

function splice(bytes: Uint8Array, at: number, drop: number, put: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(0, at), ...put, ...bytes.subarray(at + drop))
}

/** Puts another value behind one of the colons, which keeps most JSON what it is. */
function replaceValue(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  const values = Array.from(text.matchAll(/(?<=":)(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)/g))
  const value = values[random(Math.max(1, values.length))]
  return value === undefined ? bytes : splice(bytes, value.index, value[0].length, toUtf8(one(TOKENS)))
}

const saved = existsSync(CORPUS_FILE) ? readCorpus() : []
const known = new Set(saved.map(({ from, outcome }) => `${from} ${outcome}`))
const pool: Record<Sender, Uint8Array[]> = {
  client: fc.sample(clientMessages, { seed: state, numRuns: 200 }).map(encodeClientMessage),
  server: fc.sample(serverMessages, { seed: state, numRuns: 200 }).map(encodeServerMessage),
}
for (const entry of saved) pool[entry.from].push(bytesOf(entry))

let runs = 0
let found = 0
let added = 0

/** Fed back into the pool when its outcome is new, so that the hunt goes on from there. */
function attempt(from: Sender, bytes: Uint8Array): void {
  runs += 1
  let outcome: string
  try {
    outcome = outcomeOf(from, bytes)
    if ('polluted' in {}) throw new Error('the prototype of all objects was written to')
  } catch (error) {
    found += 1
    console.error(`${from} ${JSON.stringify(writePayload(bytes))}: ${String(error)}`)
    return
  }
  if (known.has(`${from} ${outcome}`) || bytes.length > 400) return
  known.add(`${from} ${outcome}`)
  pool[from].push(bytes)
  added += 1
  appendFileSync(CORPUS_FILE, `${JSON.stringify({ from, payload: writePayload(bytes), outcome })}\n`)
}

for (const from of ['client', 'server'] as const) for (const bytes of pool[from]) attempt(from, bytes)
const until = Date.now() + Number(seconds) * 1_000
while (Date.now() < until && found < 20) {
  const from = one(['client', 'server'] as const)
  let bytes = one(pool[from])
  for (let times = 1 + random(4); times > 0; times -= 1)
    if (bytes.length > 0) bytes = one(MUTATIONS)(bytes, one(pool[from]))
  attempt(from, bytes)
}
console.log(`${runs} payloads, ${added} new outcomes, ${found} findings, seed ${seed}`)
process.exitCode = found > 0 ? 1 : 0
