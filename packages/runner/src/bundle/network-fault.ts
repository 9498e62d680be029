import { BundleError } from './bundle-error.ts'

/**
 * What clients are told of everything that goes wrong between here and a host, in one text: from the difference between a
 * closed port, a name that does not exist and a forbidden address they could map the network in which the runner is.
 * {@link reason} is for the runner's log.
 */
export class NetworkFault extends BundleError {
  /** What happened, without the address's path and without any credential. */
  readonly reason: string

  constructor(reason: string) {
    super('BUNDLE_FETCH_FAILED', 'The bundle could not be downloaded.', {
      hint: "Check its address. The reason stands in the log of the session's runner.",
      again: true,
    })
    this.name = 'NetworkFault'
    this.reason = reason
  }
}

/** A fault of a system call or of Node as a reason. Messages stay out: they may name a proxy with its credentials. */
export function faultReason(error: unknown): string {
  const { code, name, address, port, statusCode } = error as NodeJS.ErrnoException & {
    readonly address?: string
    readonly port?: number
    readonly statusCode?: number
  }
  const where = address === undefined ? '' : ` at ${address} port ${port ?? 'unknown'}`
  const status = statusCode === undefined ? '' : ` with status ${statusCode}`
  return `${code ?? name}${status}${where}`
}
