import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  EMPTY_FORM,
  parseVariables,
  problemsOf,
  readForm,
  splitCommand,
} from '../../console/src/state/create-form.ts'

const template = {
  name: 'shell',
  title: 'Shell',
  description: '',
  command: 'bash',
  args: [],
  recording: 'off',
  allow: ['command', 'args', 'env', 'secrets', 'cwd', 'bundle', 'lifetimeSeconds'],
} as const

test('a command line is split as a shell would, quotation marks and backslashes included', () => {
  assert.deepEqual(splitCommand(`node  -e "console.log('a b')" 'x "y"' c\\ d ""`), [
    'node',
    '-e',
    "console.log('a b')",
    'x "y"',
    'c d',
    '',
  ])
  assert.equal(splitCommand('echo "open'), null)
  assert.deepEqual(splitCommand('  '), [])
})

test('any words survive quoting and splitting', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
      assert.deepEqual(splitCommand(line), words)
    }),
  )
})

test('variables are read line by line; values may hold anything', () => {
  assert.deepEqual(parseVariables('A=1\n\nB_2=x=y z\nC='), { A: '1', B_2: 'x=y z', C: '' })
  assert.equal(parseVariables('A=1\n2B=x'), 'Line 2 is not NAME=value.')
  assert.equal(parseVariables('nothing'), 'Line 1 is not NAME=value.')
})

test('an empty form asks for the template alone, and fields that are closed are left out', () => {
  assert.deepEqual(readForm(EMPTY_FORM, template), { request: { template: 'shell' } })
  const filled = { ...EMPTY_FORM, name: ' n ', command: 'ls -l', env: 'A=1', cwd: 'x', lifetime: '5' }
  assert.deepEqual(readForm(filled, template).request, {
    template: 'shell',
    metadata: { name: 'n' },
    command: 'ls',
    args: ['-l'],
    env: { A: '1' },
    cwd: 'x',
    lifetimeSeconds: 300,
  })
  assert.deepEqual(readForm(filled, { ...template, allow: ['args'] }).request, {
    template: 'shell',
    metadata: { name: 'n' },
    args: ['ls', '-l'],
  })
})

test('what is recorded is said only where it was chosen and the template leaves the choice', () => {
  const open = { ...template, recording: 'output', allow: ['recording'] } as const
  assert.deepEqual(readForm(EMPTY_FORM, open).request, { template: 'shell' })
  const chosen = { ...EMPTY_FORM, recording: 'off' } as const
  assert.deepEqual(readForm(chosen, open).request, { template: 'shell', recording: 'off' })
  assert.deepEqual(readForm(chosen, { ...open, allow: [] }).request, { template: 'shell' })
})

test('a bundle needs both its address and its digest', () => {
  const { problems } = readForm({ ...EMPTY_FORM, bundleUrl: 'example.com' }, template)
  assert.deepEqual(Object.keys(problems ?? {}), ['bundleUrl', 'bundleSha256'])
})

test('a refusal of the server goes to the fields that it names, else to the form', () => {
  const details = [
    { field: '/env/A', problem: 'too long' },
    { field: '/bundle/sha256', problem: 'no digest' },
    { field: '/columns', problem: 'too wide' },
  ]
  assert.deepEqual(problemsOf('Refused.', details), {
    env: 'too long',
    bundleSha256: 'no digest',
    form: 'too wide',
  })
  assert.deepEqual(problemsOf('There is no such template.', []), { form: 'There is no such template.' })
})
