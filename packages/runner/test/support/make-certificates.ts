import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** An authority that nobody knows, and a certificate of it. All in PEM. */
export interface Certificates {
  readonly authority: string
  readonly key: string
  readonly cert: string
}

/** Makes them in a folder. `names` are as in a certificate's subjectAltName: `DNS:host`, `IP:address`. */
export function makeCertificates(folder: string, names: readonly string[]): Certificates {
  const openssl = (...args: readonly string[]): void =>
    void execFileSync('openssl', [...args], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  writeFileSync(join(folder, 'names'), `subjectAltName=${names.join(',')}\n`)
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  openssl('req', ...newKey, '-subj', '/CN=host', '-keyout', 'host.key', '-out', 'host.csr')
  const sign =
    'x509 -req -days 2 -in host.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out host.pem'
  openssl(...sign.split(' '))
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { authority: read('ca.pem'), key: read('host.key'), cert: read('host.pem') }
}
