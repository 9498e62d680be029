import { isObject } from '../protocol/json.ts'
import { MAX_FOREIGN_BYTES, MAX_WORDS } from './limits.ts'

/** Fields in which servers say what is wrong; the last two are of RFC 9457. */
const FIELDS = ['message', 'error', 'error_description', 'detail', 'title'] as const

/**
 * What an answer that is not of our contract says in its own words: a field of its JSON, or its plain text.
 *
 * @returns `undefined` for web pages and answers without words
 */
export function wordsOf(text: string): string | undefined {
  const words = (fromJson(text) ?? text).replaceAll(/\s+/g, ' ').trim()
  if (words === '' || /^[<{[]/.test(words)) return undefined
  return words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS)}…` : words
}

/** Whether a text is HTML. */
export function isWebPage(text: string): boolean {
  return /^\s*<(!doctype|html|head|body|!--)/i.test(text)
}

function fromJson(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : wordsIn(value)
  } catch {
    return undefined
  }
}

function wordsIn(value: unknown): string | undefined {
  if (!isObject(value)) return undefined
  for (const field of FIELDS) {
    const words = value[field]
    if (typeof words === 'string' && words !== '') return words
    const inner = wordsIn(words)
    if (inner !== undefined) return inner
  }
  return undefined
}

/** The beginning of an answer; what could not be read is empty. */
export async function readShort({ body }: Response): Promise<string> {
  if (body === null) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (let left = MAX_FOREIGN_BYTES; left > 0;) {
      const { done, value } = await reader.read()
      if (done) break
      text += decoder.decode(value, { stream: true })
      left -= value.length
    }
    await reader.cancel()
  } catch {
    // The status stands without its body.
  }
  return text
}
