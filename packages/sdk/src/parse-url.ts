/** An address, or `undefined` when it is none. `URL.canParse` is younger than the browsers that are served. */
export function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}
