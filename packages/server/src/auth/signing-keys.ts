/** A public key as RFC 7517 writes it. */
export type PublicJwk = Readonly<Record<string, unknown>>

/** Life of a signing key: made and published, signing, verifying only; then deleted. */
export type SigningKeyState = 'pending' | 'active' | 'retired'

/** A signing key's public half, as it is stored and published. */
export interface SigningKeyRecord {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly state: SigningKeyState
  readonly publicJwk: PublicJwk
  readonly createdAt: Date
  readonly activatedAt: Date | null
  readonly retiredAt: Date | null
}

/** Where public halves are read; all that a gateway needs. */
export interface PublicKeyStore {
  list(): Promise<readonly SigningKeyRecord[]>
}

/** Where public halves are kept. */
export interface SigningKeyStore extends PublicKeyStore {
  /** Publishes a key, `pending`. */
  publish(kid: string, publicJwk: PublicJwk): Promise<void>
  /** Makes a pending key the active one and retires the one before. False when there is no such pending key. */
  activate(kid: string): Promise<boolean>
  /** Deletes keys that were retired before `before`; resolves with their ids. */
  deleteRetired(before: Date): Promise<readonly string[]>
}

/** Who holds private halves: files, or a key service. They never leave it. */
export interface Signer {
  /** Makes an RSA key and tells its public half. */
  create(): Promise<{ readonly kid: string; readonly publicJwk: PublicJwk }>
  /** True when this signer can sign with the key. */
  holds(kid: string): Promise<boolean>
  /** RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, RS256). */
  sign(kid: string, data: Uint8Array): Promise<Buffer>
  /** Forgets a key; one that is unknown is forgotten. */
  remove(kid: string): Promise<void>
}

/** When keys move on, in milliseconds. */
export interface RotationSettings {
  /** A new key is published this long before it signs, so that every JWKS cache knows it. Default 10 minutes. */
  readonly pendingMs: number
  /** An active key signs this long. Default 30 days. */
  readonly activeMs: number
  /** A retired key verifies this long; more than the longest token's life. Default one hour. */
  readonly retiredMs: number
}

/** Defaults of {@link RotationSettings}. */
export const ROTATION: RotationSettings = {
  pendingMs: 600_000,
  activeMs: 30 * 86_400_000,
  retiredMs: 3_600_000,
}

/** One step of a rotation. */
export type RotationStep =
  | { readonly type: 'create' }
  | { readonly type: 'activate'; readonly kid: string }
  | { readonly type: 'delete'; readonly retiredBefore: Date }

/**
 * What is to be done now, given the keys: pure, so that the same rows always yield the same steps. Only keys that this
 * signer holds may be activated; without any active key a new one starts at once, for nobody can have cached others.
 */
export function decideRotation(
  now: number,
  keys: readonly SigningKeyRecord[],
  held: ReadonlySet<string>,
  settings: RotationSettings = ROTATION,
): readonly RotationStep[] {
  const active = keys.find((key) => key.state === 'active') ?? null
  const usable = active !== null && held.has(active.kid)
  const pending = oldestFirst(keys.filter((key) => key.state === 'pending' && held.has(key.kid)))[0]
  const steps: RotationStep[] = []
  if (!usable || now >= sinceActive(active) + settings.activeMs) {
    const ripe = pending !== undefined && (!usable || now >= pending.createdAt.getTime() + settings.pendingMs)
    if (ripe) steps.push({ type: 'activate', kid: pending.kid })
    else if (pending === undefined) steps.push({ type: 'create' })
  } else if (pending === undefined && now >= sinceActive(active) + settings.activeMs - settings.pendingMs) {
    steps.push({ type: 'create' })
  }
  const retiredBefore = new Date(now - settings.retiredMs)
  if (keys.some(({ retiredAt }) => retiredAt !== null && retiredAt < retiredBefore))
    steps.push({ type: 'delete', retiredBefore })
  return steps
}

function sinceActive(key: SigningKeyRecord): number {
  return (key.activatedAt ?? key.createdAt).getTime()
}

function oldestFirst(keys: readonly SigningKeyRecord[]): readonly SigningKeyRecord[] {
  return keys.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
}

/** Public halves as a JWK Set (RFC 7517 §5): every key that a live token may be signed with, now or soon. */
export function toJwks(keys: readonly SigningKeyRecord[]): { readonly keys: readonly PublicJwk[] } {
  return { keys: keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, use: 'sig', alg: 'RS256' })) }
}
