import type { ErrorBody } from '@cliscale/sdk/protocol'
import { address } from './address.ts'

/** How an exchange of a one-time code ended. */
export type SignInResult =
  | { readonly ok: true }
  /** `used`: the code is no good any more; `away`: the server cannot be reached. */
  | { readonly ok: false; readonly why: 'used' | 'away'; readonly message: string }

/** Exchanges a link's code for this browser's cookie. */
export async function signIn(code: string): Promise<SignInResult> {
  try {
    const response = await fetch(address('v1/console/login'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    })
    if (response.ok) return { ok: true }
    const body = (await response.json()) as Partial<ErrorBody>
    const message = body.error?.message ?? `The server answered ${response.status}.`
    return { ok: false, why: response.status < 500 ? 'used' : 'away', message }
  } catch {
    return { ok: false, why: 'away', message: 'The server cannot be reached.' }
  }
}
