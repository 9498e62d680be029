import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const ENTRY = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A uid that nobody has. */
const USER = 1_900_000_001

const isRoot = process.getuid?.() === 0

interface Verdict {
  readonly code: number | null
  readonly said: string
}

/** Starts a program as a user that is not root. */
const WITHOUT_ROOT = isRoot ? ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'] : []

/** Has the runner try its sandbox, started by a program that changes its surroundings first. */
function tried(
  t: TestContext,
  wrapper: readonly string[],
  { isolation = 'bubblewrap', user = isRoot } = {},
): Verdict {
  const folder = mkdtempSync(join(tmpdir(), 'try-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const places = ['home', 'tmp'].map((name) => join(folder, name))
  chmodSync(folder, 0o711)
  for (const place of places) {
    mkdirSync(place)
    if (isRoot) chownSync(place, USER, USER)
  }
  const own = [`--isolation=${isolation}`, `--work-folder=${places[0]}`, `--temporary-folder=${places[1]}`]
  const become = user ? [`--user=${USER}`] : []
  const node = [process.execPath, '--conditions=@cliscale/source', ENTRY, '--try-isolation']
  const [program = '', ...args] = [...wrapper, ...node, ...own, ...become]
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 })
  return { code: status, said: stderr }
}

test('where sandboxes can be made, the trial is silent and ends with 0', (t) => {
  assert.deepEqual(tried(t, []), { code: 0, said: '' })
})

test('without isolation there is nothing to try', (t) => {
  assert.deepEqual(tried(t, [], { isolation: 'none' }), { code: 0, said: '' })
})

test('a machine without bubblewrap is told by its name', (t) => {
  const namespace = ['unshare', '--mount', ...(isRoot ? [] : ['--map-root-user'])]
  const hide = 'mount --bind /dev/null "$(command -v bwrap)" && exec "$@"'
  assert.deepEqual(tried(t, [...namespace, 'sh', '-c', hide, 'sh']), {
    code: 3,
    said: 'bwrap is not installed\n',
  })
})

test('a machine that forbids what a sandbox needs is told in bubblewrap’s own words', (t) => {
  // The limit is the new namespace's own, and goes with it.
  const forbid = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
  const wrapper = [...WITHOUT_ROOT, 'unshare', '--user', '--map-root-user', 'sh', '-c', forbid, 'sh']
  const { code, said } = tried(t, wrapper, { user: false })
  assert.equal(code, 3)
  assert.match(said, /^bubblewrap cannot make a sandbox here: bwrap: .*namespace.*\n$/)
})

test('a user that cannot be taken is a sentence', (t) => {
  // Only the root of the new namespace is mapped.
  const { code, said } = tried(t, [...WITHOUT_ROOT, 'unshare', '--user', '--map-root-user'], { user: true })
  assert.equal(code, 2)
  assert.match(said, /^--user cannot be used: E(?:PERM|INVAL)/)
})
