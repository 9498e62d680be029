import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { type Environment, processEnvironment } from './environment.ts'

/** How the operator lets programs of this machine reach hosts outside, from the variables that most of them follow. */
export interface OutsideWorld {
  /** Proxy for https addresses; empty: none. It may hold a user name and a password. */
  readonly httpsProxy: string
  /** The same for http addresses. */
  readonly httpProxy: string
  /** Hosts that are reached without a proxy, separated by commas. */
  readonly noProxy: string
  /** Certificates in PEM that are trusted beside Node's own. */
  readonly certificates: string
}

/**
 * Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, of which the lower-case forms come first as everywhere, and the
 * certificates in the files that `NODE_EXTRA_CA_CERTS` and `SSL_CERT_FILE` name.
 *
 * @param problem called with a sentence for each thing that cannot be used; none of them keeps a server from starting
 */
export function outsideWorld(
  problem: (sentence: string) => void,
  env: Environment = processEnvironment(),
): OutsideWorld {
  const given = (name: string): string => env[name.toLowerCase()] || env[name] || ''
  const files = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'].map((name) => certificatesIn(name, env, problem))
  const proxies = { HTTPS_PROXY: given('HTTPS_PROXY'), HTTP_PROXY: given('HTTP_PROXY') }
  for (const [name, proxy] of Object.entries(proxies)) {
    // Its value may hold a password, so it is not quoted.
    if (!isProxy(proxy)) problem(`${name} must be an address such as http://proxy.example.com:3128.`)
  }
  return {
    httpsProxy: proxies.HTTPS_PROXY,
    httpProxy: proxies.HTTP_PROXY,
    noProxy: given('NO_PROXY'),
    certificates: [...new Set(files.flat())].join('\n'),
  }
}

function isProxy(text: string): boolean {
  if (text === '') return true
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  return url !== null && /^https?:$/.test(url.protocol)
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Without those that Node trusts anyway, which are most of a system's file. */
function certificatesIn(
  name: string,
  env: Environment,
  problem: (sentence: string) => void,
): readonly string[] {
  const path = env[name] ?? ''
  if (path === '') return []
  try {
    const blocks = readFileSync(path, 'utf8').match(BLOCK) ?? []
    if (blocks.length === 0) problem(`${name} names ${path}, in which there is no certificate.`)
    const known = new Set(rootCertificates.map(bare))
    return blocks.filter((block) => !known.has(bare(block)))
  } catch (error) {
    problem(`${name} names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code}).`)
    return []
  }
}

function bare(pem: string): string {
  return pem.replace(/\s/g, '')
}
