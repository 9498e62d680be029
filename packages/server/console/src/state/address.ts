/**
 * An address of the server that this page came from: below the folder of the page, because a proxy may have put the
 * server below a path that only browsers see.
 */
export function address(path = ''): string {
  return new URL(path, new URL('./', location.href)).href
}

/** Where the terminal of a session is. */
export function terminalAddress(id: string): string {
  return address(`v1/sessions/${encodeURIComponent(id)}/terminal`).replace(/^http/, 'ws')
}
