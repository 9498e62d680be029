import tls from 'node:tls'

let trusted = ''

/**
 * Lets this process trust certificates beside those that Node brings along, for hosts and for proxies. The runner opens
 * no other TLS connection than those for its bundle.
 *
 * @throws {Error} when one is no certificate
 */
export function trust(certificates: string): void {
  if (certificates === trusted) return
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), ...blocksOf(certificates)])
  trusted = certificates
}

function blocksOf(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
}
