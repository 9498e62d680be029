import assert from 'node:assert/strict'

/** One event of an asciicast. */
export type CastEvent = readonly [interval: number, code: string, data: string]

/** A recording, taken apart. */
export interface Cast {
  readonly head: {
    readonly version: number
    readonly term: { readonly cols: number; readonly rows: number; readonly type?: string }
    readonly timestamp: number
    readonly title?: string
  }
  readonly events: readonly CastEvent[]
}

/** Reads an asciicast v3 strictly: every line is whole and says what it must. */
export function readCast(text: string): Cast {
  assert.ok(text.endsWith('\n'), 'the last line is whole')
  const [head, ...lines] = text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  for (const event of lines) {
    assert.ok(Array.isArray(event) && event.length === 3, JSON.stringify(event))
    assert.ok(typeof event[0] === 'number' && event[0] >= 0 && 'oirmx'.includes(String(event[1])))
    assert.equal(typeof event[2], 'string')
  }
  assert.equal((head as Cast['head']).version, 3)
  return { head: head as Cast['head'], events: lines as unknown as CastEvent[] }
}

/** All data of one kind, put together. */
export function dataOf({ events }: Cast, code: string): string {
  return events
    .filter((event) => event[1] === code)
    .map((event) => event[2])
    .join('')
}
