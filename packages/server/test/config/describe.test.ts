import assert from 'node:assert/strict'
import { test } from 'node:test'
import { helpText, redactConfig, referencePage } from '../../src/config/describe.ts'
import { OPTIONS, type OptionRow } from '../../src/config/options.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { committed, generated } from '../support/generated.ts'

const rows: readonly (readonly [string, OptionRow])[] = Object.entries(OPTIONS)

test('the reference page in the repository is the one that the table makes', async () => {
  const page = await generated('CONFIGURATION.md', referencePage())
  assert.equal(await committed(page), page.content, 'run: npm run generate -w packages/server')
})

test('help names every option with its variable', () => {
  const help = helpText('1.2.3')
  assert.match(help, /1\.2\.3/)
  for (const [, row] of rows) {
    assert.ok(help.includes(row.env))
    if (row.flag !== null) assert.ok(help.includes(`--${row.flag}`))
  }
})

test('no two options share a flag or a variable, and secrets have no flag', () => {
  const flags = rows.flatMap(([, { flag }]) => (flag === null ? [] : [flag]))
  const variables = rows.map(([, { env }]) => env)
  assert.equal(new Set(flags).size, flags.length)
  assert.equal(new Set(variables).size, variables.length)
  for (const [name, row] of rows) if (row.secret === true) assert.equal(row.flag, null, name)
})

test('the shown configuration tells that a secret is set, not what it is', () => {
  const shown = JSON.stringify(redactConfig(parseConfig([], { DATABASE_URL: 'postgresql://u:canary@h/d' })))
  assert.doesNotMatch(shown, /canary/)
  assert.match(shown, /"databaseUrl":"\[set\]"/)
})
