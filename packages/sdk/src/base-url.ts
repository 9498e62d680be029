import { pageAddress } from './page.ts'
import { createError } from './create-error.ts'
import { parseUrl } from './parse-url.ts'

/**
 * The address of the options, without slashes at its end.
 *
 * @throws {CliscaleError} `INVALID_OPTION`
 */
export function toBaseUrl(options: { readonly baseUrl: unknown } | undefined): string {
  const given = options?.baseUrl
  const page = pageAddress()
  const isGiven = given instanceof URL || (typeof given === 'string' && (given !== '' || page !== undefined))
  if (!isGiven) throw refused(`is ${given === '' ? 'empty' : 'missing'}`)
  const text = String(given)
  const url = parseUrl(text, page)
  const shown = JSON.stringify(text)
  if (url === undefined) throw refused(`${shown} is not a whole address`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refused(`${shown} begins with neither http:// nor https://`)
  }
  // `fetch` refuses such addresses, and they end up in logs.
  if (url.username !== '' || url.password !== '') {
    throw refused('holds a user name or password; send them by `apiKey` or `headers`')
  }
  if (url.search !== '' || url.hash !== '') throw refused(`${shown} holds a “?” or “#”`)
  return text.replace(/\/+$/, '')
}

function refused(problem: string): Error {
  const message = `baseUrl ${problem}. Give the address of a Cliscale server, such as "http://127.0.0.1:7680".`
  return createError('INVALID_OPTION', message)
}
