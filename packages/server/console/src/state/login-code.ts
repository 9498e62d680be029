const CODE = /^#code=([\w.~-]{1,256})$/

/**
 * Takes the one-time code out of the address: browsers never send a fragment, and after this it is in neither the
 * address bar nor the history.
 */
export function takeLoginCode(): string | undefined {
  const code = CODE.exec(location.hash)?.[1]
  if (code !== undefined) history.replaceState(null, '', location.pathname + location.search)
  return code
}
