import { pathToFileURL } from 'node:url'
import type { IdentityVerifier } from '../auth/identity.ts'
import { StartError } from './data-folder.ts'

/** The verifiers that an operator's module gives; none without a module. @throws {StartError} when it cannot be used */
export async function loadVerifiers(path: string | null): Promise<readonly IdentityVerifier[]> {
  if (path === null) return []
  const list = await verifiersOf(path)
  if (Array.isArray(list) && list.every(isVerifier)) return list
  throw new StartError(
    `The verifiers of ${path} cannot be used: its default export must be a list of objects with a function "verify", or a function that makes one.`,
  )
}

async function verifiersOf(path: string): Promise<unknown> {
  try {
    const { default: given } = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
    return typeof given === 'function' ? await (given as () => unknown)() : given
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new StartError(`The verifiers of ${path} cannot be used: ${reason}.`, { cause: error })
  }
}

function isVerifier(value: unknown): value is IdentityVerifier {
  return (
    typeof value === 'object' && value !== null && 'verify' in value && typeof value.verify === 'function'
  )
}
