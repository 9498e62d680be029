import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readDocument } from '../lib/documents.mjs'
import { securityProblems, securityTests } from '../lib/security-tests.mjs'
import { testFiles } from '../lib/tests.mjs'

describe('the claims of SECURITY.md', () => {
  it('each name tests that exist, and every test about security is named', () => {
    assert.deepEqual(securityProblems({ files: testFiles() }), [])
    assert.ok(securityTests().length > 40)
  })

  const broken = [
    ['a claim loses its tests', /\n {2}Tests: `server\/server\/end-access`\./, '', 'no test attacks'],
    ['a test is renamed', '`server/auth/sealer`', '`server/auth/seal`', 'sealer.test.ts'],
    ['a test gets another title', '“a Host that is not the server', '“a Host that is foreign', 'has no test'],
    ['a test is left out', '`server/http/connection-cap`, ', '', 'no claim names'],
  ]
  for (const [what, from, to, told] of broken) {
    it(`are told when ${what}`, () => {
      const text = readDocument('SECURITY.md').replace(from, to)
      assert.notEqual(text, readDocument('SECURITY.md'))
      const problems = securityProblems({ files: testFiles(), text })
      assert.ok(
        problems.some((problem) => problem.includes(told)),
        problems.join('\n'),
      )
    })
  }
})
