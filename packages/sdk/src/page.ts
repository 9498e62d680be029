/** What the SDK uses of a page or of a worker of one. Elsewhere these are undefined, and types of a browser are not at hand. */
interface Page {
  readonly document: { readonly baseURI: string } | undefined
  readonly location: {
    readonly origin: string
    readonly href: string
    readonly protocol: string
    readonly host: string
  }
  readonly isSecureContext: boolean | undefined
  readonly addEventListener:
    ((type: 'securitypolicyviolation', listener: (violation: PolicyViolation) => void) => void) | undefined
}

/** What the Content-Security-Policy blocked. */
interface PolicyViolation {
  readonly effectiveDirective: string
  readonly blockedURI: string
}

/** The page; {@link isPage} says whether there is one. */
export const page = globalThis as unknown as Page

/** Whether this is a page or a worker of one. */
export function isPage(): boolean {
  return typeof page.location === 'object' && typeof page.isSecureContext === 'boolean'
}

/** What relative addresses are relative to; `undefined` outside of a page. */
export function pageAddress(): string | undefined {
  return page.document?.baseURI ?? (typeof page.location === 'object' ? page.location.href : undefined)
}
