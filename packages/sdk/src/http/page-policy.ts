import { isPage, page } from '../page.ts'
import { parseUrl } from '../parse-url.ts'
import { MAX_VIOLATIONS, VIOLATION_DELAY_MS } from './limits.ts'

const blocked: string[] = []
let watching = false

/** Begins, once, to listen to what the page's Content-Security-Policy blocks; to be called before a request. */
export function watchPolicy(): void {
  if (watching || typeof page.addEventListener !== 'function' || !isPage()) return
  watching = true
  page.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
    if (!effectiveDirective.startsWith('connect-src')) return
    if (blocked.push(blockedURI) > MAX_VIOLATIONS) blocked.shift()
  })
}

/** Why the page may not connect to `url`, and what to change; `undefined` when nothing is known to forbid it. */
export async function policyAgainst(url: URL): Promise<string | undefined> {
  const secure = url.protocol.replace(/^(http|ws):$/, '$1s:')
  if (page.isSecureContext === true && page.location.protocol === 'https:' && secure !== url.protocol) {
    if (!isLoopback(url.hostname)) {
      return `A page that was loaded by https may not open ${url.protocol}//${url.host}; serve it by TLS and use ${secure}//.`
    }
  }
  await new Promise((resolve) => setTimeout(resolve, VIOLATION_DELAY_MS))
  const source =
    url.host === page.location.host && url.protocol === page.location.protocol ? "'self'" : url.origin
  if (!blocked.some((uri) => isSame(uri, url))) return undefined
  return `The page's Content-Security-Policy blocked ${url.protocol}//${url.host}; add ${source} to its connect-src.`
}

/** For WebSockets some browsers tell only the scheme. */
function isSame(uri: string, url: URL): boolean {
  if (`${uri}:` === url.protocol) return true
  return parseUrl(uri)?.host === url.host
}

function isLoopback(host: string): boolean {
  return /^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(host)
}
