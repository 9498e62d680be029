import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CreateSessionRequest,
  RECORDING_MODES,
  TEMPLATE_OVERRIDES,
  type TemplateOpening,
} from '@cliscale/sdk/protocol'
import fc from 'fast-check'
import { shellTemplate } from '../../src/controller/templates/load.ts'
import { type Bounds, type Change, refusalsOf } from '../../src/controller/templates/permit.ts'
import { isPowerful, POWERFUL_VARIABLES } from '../../src/controller/templates/powerful-variables.ts'
import type { Template } from '../../src/controller/templates/template.ts'

const BOUNDS: Bounds = { maxLifetimeSeconds: 600 }

/** Found by attack: each runs something of its own under a pinned command. */
const ATTACKS =
  'BASH_ENV ENV LD_PRELOAD LD_AUDIT NODE_OPTIONS PYTHONSTARTUP PYTHONPATH PERL5OPT GIT_SSH_COMMAND GIT_CONFIG_COUNT PROMPT_COMMAND PS4 RUBYOPT ' +
  'JAVA_TOOL_OPTIONS PATH HOME EDITOR PAGER LESSOPEN npm_config_script_shell BASH_FUNC_ls%% KUBECONFIG'

const ORDINARY = [
  'API_URL',
  'NODE_ENV',
  'GOOGLE_API_KEY',
  'LANG',
  'TERM',
  'DEBUG',
  'HTTPS_PROXY',
  'PORT',
  'TZ',
]

function template(allow: readonly TemplateOpening[], more: Partial<Template> = {}): Template {
  return { ...shellTemplate({ lifetimeSeconds: 60, idleTimeoutSeconds: 30 }), name: 'pinned', ...more, allow }
}

function refusedFields(from: Template | null, change: Change): readonly string[] {
  return refusalsOf(from, change, BOUNDS).map(({ field }) => field)
}

const create = (request: CreateSessionRequest): Change => ({ kind: 'create', request })

for (const field of ['env', 'secrets'] as const) {
  test(`${field} as a whole opens ordinary variables, and the others by name only`, () => {
    for (const name of ORDINARY)
      assert.deepEqual(refusedFields(template([field]), create({ [field]: { [name]: 'x' } })), [], name)
    for (const name of ATTACKS.split(' ')) {
      const change = create({ [field]: { [name]: 'x' } })
      assert.deepEqual(refusedFields(template([field]), change), [`/${field}/${name}`])
      assert.deepEqual(refusedFields(template([`${field}.${name}`]), change), [], name)
      assert.deepEqual(refusedFields(template([field, `${field}.${name}`]), change), [], name)
    }
  })

  test(`${field}.NAME opens that variable and no other`, () => {
    const one = template([`${field}.API_URL`])
    assert.deepEqual(refusedFields(one, create({ [field]: { API_URL: 'x' } })), [])
    assert.deepEqual(refusedFields(one, create({ [field]: { API_URL: 'x', API_KEY: 'y' } })), [
      `/${field}/API_KEY`,
    ])
    const other = field === 'env' ? 'secrets' : 'env'
    assert.deepEqual(refusedFields(one, create({ [other]: { API_URL: 'x' } })), [`/${other}`])
  })
}

test('who may choose the command may set any variable', () => {
  const open = template(['command', 'env'])
  for (const name of ATTACKS.split(' '))
    assert.deepEqual(refusedFields(open, create({ env: { [name]: 'x' } })), [], name)
})

test('the list of powerful variables says why, holds no doubles and knows small letters', () => {
  const names = POWERFUL_VARIABLES.flatMap((group) => group.names)
  assert.equal(new Set(names).size, names.length)
  for (const group of POWERFUL_VARIABLES) assert.match(group.reason, /\w+ \w+ \w+/)
  assert.ok(isPowerful('Npm_Config_Prefix') && isPowerful('ld_preload') && !isPowerful('LDAP_URL'))
})

test('a session whose template is gone gets no longer and keeps its recording, but ends', () => {
  assert.deepEqual(refusedFields(null, { kind: 'update', request: { lifetimeSeconds: 5 }, ageSeconds: 0 }), [
    '/lifetimeSeconds',
  ])
  assert.deepEqual(refusedFields(null, { kind: 'update', request: { metadata: {} }, ageSeconds: 0 }), [])
  assert.deepEqual(refusedFields(null, { kind: 'deleteRecording' }), ['/recording'])
  assert.deepEqual(refusedFields(null, { kind: 'end' }), [])
})

const openings = fc.subarray<TemplateOpening>([...TEMPLATE_OVERRIDES])
const templates = fc
  .record({ allow: openings, recording: fc.constantFrom(...RECORDING_MODES) })
  .map(({ allow, recording }) => template(allow, { recording }))
/** Moments at which somebody asks for another end, in seconds after the creation. */
const patches = fc.array(
  fc.record({ after: fc.nat(700), lifetimeSeconds: fc.integer({ min: 1, max: 2_000 }) }),
)

test('no sequence of changes reaches what create refuses', () => {
  fc.assert(
    fc.property(templates, patches, fc.boolean(), (from, asked, deletes) => {
      let whole = from.lifetimeSeconds
      for (const { after, lifetimeSeconds } of asked.toSorted((a, b) => a.after - b.after)) {
        if (after >= whole) break
        const change: Change = { kind: 'update', request: { lifetimeSeconds }, ageSeconds: after }
        if (refusedFields(from, change).length === 0) whole = after + lifetimeSeconds
      }
      if (whole !== from.lifetimeSeconds)
        assert.deepEqual(refusedFields(from, create({ lifetimeSeconds: whole })), [])
      if (!deletes || refusedFields(from, { kind: 'deleteRecording' }).length > 0) return
      if (from.recording !== 'off') assert.deepEqual(refusedFields(from, create({ recording: 'off' })), [])
    }),
  )
})

test('what is open and within the bounds is not refused', () => {
  const open = template(['lifetimeSeconds', 'recording'], { recording: 'output' })
  const update = (lifetimeSeconds: number, ageSeconds: number): readonly string[] =>
    refusedFields(open, { kind: 'update', request: { lifetimeSeconds }, ageSeconds })
  assert.deepEqual([update(600, 0), update(500, 100)], [[], []])
  assert.deepEqual(update(501, 100), ['/lifetimeSeconds'])
  assert.deepEqual(refusedFields(open, { kind: 'deleteRecording' }), [])
})
