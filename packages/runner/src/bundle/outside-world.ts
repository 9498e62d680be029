import { readFileSync } from 'node:fs'
import { MAX_WORLD_BYTES } from './limits.ts'

/** How the operator lets programs reach hosts outside: what the server found in its own environment. */
export interface OutsideWorld {
  /** Proxy for https addresses; empty: none. It may hold a user name and a password. */
  readonly httpsProxy: string
  /** The same for http addresses. */
  readonly httpProxy: string
  /** Hosts that are reached without a proxy, separated by commas. */
  readonly noProxy: string
  /** Certificates in PEM that are trusted beside Node's own. */
  readonly certificates: string
}

/** No proxy and no certificates. */
export const PLAIN_WORLD: OutsideWorld = { httpsProxy: '', httpProxy: '', noProxy: '', certificates: '' }

/** Reads the JSON of an {@link OutsideWorld}; what is missing is empty. @throws {Error} */
export function readOutsideWorld(source: string | number): OutsideWorld {
  const text = readFileSync(source, 'utf8')
  if (text.length > MAX_WORLD_BYTES) throw new Error(`is larger than ${MAX_WORLD_BYTES} bytes`)
  const given = parseObject(text)
  const texts = Object.entries(PLAIN_WORLD).map(([name, none]) => [name, given[name] ?? none] as const)
  if (texts.some(([, value]) => typeof value !== 'string')) throw new Error('may hold nothing but strings')
  return Object.fromEntries(texts) as unknown as OutsideWorld
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // A parser's message would quote the text.
  }
  throw new Error('must hold a JSON object')
}
