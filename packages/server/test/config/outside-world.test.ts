import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { makeCertificates } from '../../../runner/test/support/make-certificates.ts'
import { outsideWorld } from '../../src/config/outside-world.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

function read(env: Readonly<Record<string, string>>): {
  readonly world: ReturnType<typeof outsideWorld>
  readonly problems: readonly string[]
} {
  const problems: string[] = []
  return { world: outsideWorld((sentence) => problems.push(sentence), env), problems }
}

test('without variables there is no proxy and nothing more to trust', () => {
  const nothing = { httpsProxy: '', httpProxy: '', noProxy: '', certificates: '' }
  assert.deepEqual(read({}), { world: nothing, problems: [] })
  assert.deepEqual(read({ HTTPS_PROXY: '', no_proxy: '' }), { world: nothing, problems: [] })
})

test('lower-case variables come first, and each may be the only one', () => {
  const upper = { HTTPS_PROXY: 'http://a', HTTP_PROXY: 'http://b', NO_PROXY: 'c' }
  assert.partialDeepStrictEqual(read(upper).world, {
    httpsProxy: 'http://a',
    httpProxy: 'http://b',
    noProxy: 'c',
  })
  const lower = { https_proxy: 'http://d', http_proxy: 'http://e', no_proxy: 'f' }
  const expected = { httpsProxy: 'http://d', httpProxy: 'http://e', noProxy: 'f' }
  assert.partialDeepStrictEqual(read({ ...upper, ...lower }).world, expected)
  assert.partialDeepStrictEqual(read(lower).world, expected)
})

test('certificates come from both files, each once, without those that Node trusts anyway', async (t) => {
  const folder = await temporaryFolder(t)
  const { authority, cert } = makeCertificates(folder, ['DNS:store.test'])
  const extra = join(folder, 'extra.pem')
  const file = join(folder, 'file.pem')
  writeFileSync(extra, `# a comment\n${authority}\n${rootCertificates[0]}`)
  writeFileSync(file, `${rootCertificates.slice(0, 9).join('\n')}\n${cert}\n${authority}`)
  const { world, problems } = read({ NODE_EXTRA_CA_CERTS: extra, SSL_CERT_FILE: file })
  assert.deepEqual(problems, [])
  assert.equal(world.certificates.trim(), `${authority.trim()}\n${cert.trim()}`)
})

test('what cannot be used is told in a sentence, without what may be a password', async (t) => {
  const empty = join(await temporaryFolder(t), 'empty.pem')
  writeFileSync(empty, 'no certificate')
  const env = {
    NODE_EXTRA_CA_CERTS: '/nowhere/ca.pem',
    SSL_CERT_FILE: empty,
    HTTPS_PROXY: 'socks5://me:sesame@proxy',
    HTTP_PROXY: 'http://me:sesame@:port',
  }
  assert.deepEqual(read(env).problems, [
    'NODE_EXTRA_CA_CERTS names /nowhere/ca.pem, which cannot be read (ENOENT).',
    `SSL_CERT_FILE names ${empty}, in which there is no certificate.`,
    'HTTPS_PROXY must be an address such as http://proxy.example.com:3128.',
    'HTTP_PROXY must be an address such as http://proxy.example.com:3128.',
  ])
  assert.deepEqual(read({ HTTPS_PROXY: 'proxy.example.com:3128' }).problems, [])
})
