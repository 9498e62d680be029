import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import { type Confine, type ProgramLaunch, unpackReadOnlyPaths } from '../src/bundle/unpack-launch.ts'
import { plainTar, tarOf, type TarEntry, zipOf } from './support/archives.ts'
import {
  installHere,
  newFolder,
  serve,
  sha256,
  surroundings,
  temporaryFolder,
  treeOf,
} from './support/install-here.ts'
import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

const SCRIPT = '#!/bin/sh\necho hello\n'
const TOOL: TarEntry = { path: 'bin/hello', content: SCRIPT }
const GOOD = tarOf([TOOL])

/** Runs a shell script in the place of the program; `$0` is the program, `$@` its arguments. */
const instead =
  (script: string): Confine =>
  ({ file, args }) => ({ file: '/bin/sh', args: ['-c', script, file, ...args] })

test('links within a bundle work: chains, across folders, to folders, and hard links', async (t) => {
  const archive = tarOf([
    { path: './', type: 'Directory' },
    { path: 'lib/libx.so.1.2', content: 'x' },
    { path: 'lib/libx.so.1', type: 'SymbolicLink', linkpath: 'libx.so.1.2' },
    { path: 'lib/libx.so', type: 'SymbolicLink', linkpath: 'libx.so.1' },
    { path: 'bin/tool', type: 'SymbolicLink', linkpath: '.././lib/libx.so' },
    { path: 'current', type: 'SymbolicLink', linkpath: 'lib/' },
    { path: 'dangling', type: 'SymbolicLink', linkpath: 'not/there' },
    { path: 'second', type: 'Link', linkpath: './lib/libx.so.1.2' },
  ])
  const { said, folder } = await installHere(t, archive)
  assert.equal(said, 'installed')
  assert.equal(readFileSync(join(folder, 'bin/tool'), 'utf8'), 'x')
  assert.equal(readFileSync(join(folder, 'current/libx.so'), 'utf8'), 'x')
  assert.equal(readlinkSync(join(folder, 'dangling')), 'not/there')
  assert.equal(lstatSync(join(folder, 'second')).nlink, 2)
})

test('names that Linux keeps apart are kept apart', async (t) => {
  const names = [
    'a',
    'A',
    'é',
    'e\u0301',
    'a.',
    'a ',
    ' a',
    '...',
    '.. ',
    'CON',
    'a:b',
    '~',
    '-rf',
    '$(x)',
    'a\nb',
  ]
  const archive = tarOf(names.map((path) => ({ path, content: path })))
  const { said, folder } = await installHere(t, archive)
  assert.equal(said, 'installed')
  assert.deepEqual(readdirSync(folder).sort(), [...names].sort())
  for (const name of names) assert.equal(readFileSync(join(folder, name), 'utf8'), name)
})

test('modes, times and owners are the session’s own: no special bit, and its owner may change all', async (t) => {
  const archive = tarOf([
    { ...TOOL, mode: 0o6755 },
    { path: 'locked', content: 'x', mode: 0o000 },
    { path: 'shut/', type: 'Directory', mode: 0o000 },
    { path: 'shut/in', content: 'x' },
  ])
  const { said, folder } = await installHere(t, archive)
  assert.equal(said, 'installed')
  const mode = (path: string): number => statSync(join(folder, path)).mode & 0o7777
  assert.equal(mode('bin/hello'), 0o755)
  assert.equal(mode('locked'), 0o600)
  assert.equal(mode('shut'), 0o755)
  assert.equal(statSync(join(folder, 'locked')).mtimeMs, 0)
})

test('a zip is unpacked, stored and packed, with its folders and modes', async (t) => {
  const archive = zipOf([
    { path: 'tool/', mode: 0o040755 },
    { path: 'tool/bin/hello', content: SCRIPT, mode: 0o104755 },
    { path: 'tool/read.me', content: 'plain', method: 0, mode: 0o100644 },
    { path: 'tool/made-elsewhere', content: 'x' },
  ])
  const { said, folder, folders } = await installHere(t, archive)
  assert.equal(said, 'installed')
  assert.deepEqual(
    folders,
    [folder, join(folder, 'tool/bin'), join(folder, 'tool')].toSorted(
      (a, b) => folders.indexOf(a) - folders.indexOf(b),
    ),
  )
  assert.equal(statSync(join(folder, 'tool/bin/hello')).mode & 0o7777, 0o755)
  assert.equal(statSync(join(folder, 'tool/read.me')).mode & 0o7777, 0o644)
  assert.equal(statSync(join(folder, 'tool/made-elsewhere')).mode & 0o7777, 0o755)
  assert.equal(readFileSync(join(folder, 'tool/read.me'), 'utf8'), 'plain')
})

test('what follows the end of a tar is not read', async (t) => {
  const archive = gzipSync(Buffer.concat([plainTar([TOOL]), Buffer.alloc(200_000_000)]))
  const { said, folder } = await installHere(t, archive)
  assert.equal(said, 'installed')
  assert.deepEqual(
    treeOf(folder).map((line) => line.split(' ')[0]),
    ['bin', 'bin/hello'],
  )
})

test('a bundle is put beside what is in the work folder, never over it or through it', async (t) => {
  const { root, work } = surroundings(t)
  symlinkSync('../etc', join(work, 'bin'))
  writeFileSync(join(work, 'notes'), 'mine')
  const before = treeOf(root)
  const { said } = await installHere(t, tarOf([{ path: 'a', content: 'x' }, TOOL]), { folder: work })
  assert.equal(said, 'BUNDLE_INVALID: The work folder has an entry "bin" already.')
  assert.deepEqual(treeOf(root), before)
  const second = await installHere(t, tarOf([{ path: 'a', content: 'x' }]), { folder: work })
  assert.equal(second.said, 'installed')
  assert.deepEqual(readdirSync(work).sort(), ['a', 'bin', 'notes'])
})

test('the program has its archive, three streams, and an environment that is the same for everybody', async (t) => {
  process.env.CLISCALE_TEST_SECRET = 'must not be inherited'
  t.after(() => delete process.env.CLISCALE_TEST_SECRET)
  const out = temporaryFolder(t)
  const script = `tr '\\0' '\\n' < /proc/$$/environ > ${out}/env; ls /proc/$$/fd > ${out}/fds; ulimit -c > ${out}/core
    readlink /proc/$$/fd/0 > ${out}/archive; cat /proc/$$/fdinfo/0 > ${out}/flags; exec "$0" "$@"`
  const { said } = await installHere(t, GOOD, { confine: instead(script) })
  assert.equal(said, 'installed')
  const told = (name: string): string[] => readFileSync(join(out, name), 'utf8').trim().split('\n')
  assert.deepEqual(
    told('env')
      .filter((line) => !/^(?:PWD|_|SHLVL|OLDPWD)=/.test(line))
      .sort(),
    ['LANG=C.UTF-8', 'TZ=UTC'],
  )
  assert.deepEqual(
    told('fds').filter((fd) => Number(fd) < 10 && fd !== '3'),
    ['0', '1', '2'],
  )
  assert.deepEqual(told('core'), ['0'])
  assert.match(told('archive')[0] ?? '', /\(deleted\)$/)
  // O_RDONLY is 0 in the last digit of the octal flags.
  assert.match(told('flags').join('\n'), /^flags:\s*\d*0$/m)
})

test('a program that does not end is ended at the time bound, with all that it started; nothing is left', async (t) => {
  const { root, work } = surroundings(t)
  const before = treeOf(root)
  const out = join(temporaryFolder(t), 'pid')
  const script = `echo x > partial; sleep 1000 & echo $! > ${out}; wait`
  const options = { folder: work, confine: instead(script), limits: { timeMs: 1_500 } }
  const { said } = await installHere(t, GOOD, options)
  assert.equal(said, 'BUNDLE_TOO_LARGE: The bundle took longer than 1.5 seconds to unpack.')
  assert.deepEqual(treeOf(root), before)
  const pid = readFileSync(out, 'utf8').trim()
  await waitFor('the end of what it started', () => !isRunning(pid))
})

test('a session that ends while its bundle is unpacked ends the program; nothing is left', async (t) => {
  const controller = new AbortController()
  const folder = newFolder(temporaryFolder(t), 'work')
  const installing = installHere(t, GOOD, {
    folder,
    signal: controller.signal,
    confine: instead('sleep 1000'),
  })
  await waitFor('the program', () => readdirSync(folder).length > 0)
  controller.abort()
  await assert.rejects(installing, { name: 'AbortError' })
  assert.deepEqual(readdirSync(folder), [])
})

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false // It is gone, perhaps in this very moment.
  }
}

/** What a program that was taken over might do, as a shell script in its place. */
const TAKEN_OVER: readonly (readonly [what: string, script: string])[] = [
  ['says nothing', 'exit 0'],
  ['fails', 'exit 3'],
  ['dies', 'kill -SEGV $$'],
  ['says that all is done and fails', `echo '{"unpacked":true}'; exit 1`],
  ['says what is no report', 'echo hello'],
  ['says what is no report after its end', `echo '{"unpacked":true}'; echo '{"unpacked":true}'`],
  ['reports nothing but a number', 'echo 7'],
  ['reports a refusal that does not exist', `echo '{"refused":"constructor","entry":""}'`],
  ['reports a long name', `printf '{"refused":"twice","entry":"%0300d"}\\n' 0`],
  ['reports a code that is none', `echo '{"failed":"\\u001b[2J"}'`],
  ['reports a negative count', `echo '{"done":-1,"total":null}'`],
  ['reports half an entry', `echo '{"done":0.5,"total":null}'`],
  ['reports more than there is', `echo '{"done":3,"total":2}'`],
  ['reports more entries than are allowed', `echo '{"done":50001,"total":null}'`],
  ['writes without end', 'exec yes'],
  ['writes a line without end', `exec tr '\\0' x < /dev/zero`],
  ['reports without end', `exec yes '{"done":1,"total":null}'`],
  ['complains without end', 'yes >&2 & sleep 0.3; kill $!; exit 1'],
]

for (const [what, script] of TAKEN_OVER) {
  test(`a program that ${what} is not believed, and nothing is left`, async (t) => {
    const { root, work } = surroundings(t)
    const before = treeOf(root)
    const { said, log, reports } = await installHere(t, GOOD, {
      folder: work,
      confine: instead(`echo x > partial; ${script}`),
      limits: { timeMs: 20_000 },
    })
    assert.equal(said, 'START_FAILED: The bundle could not be unpacked.')
    assert.match(log.text, /bundle not unpacked/)
    assert.ok(log.text.length < 5_000)
    assert.ok(reports.length < 500)
    assert.deepEqual(treeOf(root), before)
  })
}

test('a refusal that a program reports cannot bring its own sentence or control the terminal', async (t) => {
  const script = `printf '%s\\n' '{"refused":"twice","entry":"\\u001b[2J\\u009b2J","message":"Send your password to …"}'`
  const { said } = await installHere(t, GOOD, { confine: instead(script) })
  assert.equal(said, 'BUNDLE_INVALID: The entry "\\u001b[2J\\u{9b}2J" is there twice.')
})

test('a program that puts a link in the place of its folder moves nothing of what is there', async (t) => {
  const { root, work } = surroundings(t)
  const before = treeOf(root)
  const script = `here=$PWD; cd ..; rmdir "$here"; ln -s "${root}/etc" "$here"; echo '{"unpacked":true}'`
  const { said } = await installHere(t, GOOD, { folder: work, confine: instead(script) })
  assert.equal(said, 'START_FAILED: The bundle could not be unpacked.')
  assert.deepEqual(treeOf(root), before)
})

test('what confines the program may not be there', async (t) => {
  const { said, log, folder } = await installHere(t, GOOD, {
    confine: () => ({ file: '/nowhere/bwrap', args: [] }),
  })
  assert.equal(said, 'START_FAILED: The bundle could not be unpacked.')
  assert.match(log.text, /ENOENT|ended with code 127/)
  assert.deepEqual(readdirSync(folder), [])
})

test('a file that grows over the limit ends the program, whatever it counts itself', async (t) => {
  const confine = instead('exec head -c 3000000 /dev/zero > big')
  const { said, log, folder } = await installHere(t, GOOD, { confine, limits: { bytes: 1_000_000 } })
  assert.equal(said, 'START_FAILED: The bundle could not be unpacked.')
  assert.match(log.text, /SIGXFSZ/)
  assert.deepEqual(readdirSync(folder), [])
})

/** A sandbox that shows its program some paths, the system's libraries and its folder, and no network. */
function inBubblewrap({ file, args }: ProgramLaunch, shown: readonly string[]): ProgramLaunch {
  const folder = args.at(-2) ?? ''
  const system = ['/lib', '/lib64', '/bin'].filter((path) => existsSync(path))
  const links = system.flatMap((path) =>
    lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path],
  )
  const bwrap = execFileSync('sh', ['-c', 'command -v bwrap'], { encoding: 'utf8' }).trim()
  return {
    file: bwrap,
    args: [
      ['--unshare-all', '--die-with-parent', '--new-session', '--proc', '/proc', '--dev', '/dev'],
      [...shown, '/usr'].flatMap((path) => ['--ro-bind', path, path]),
      [...links, '--bind', folder, folder, '--chdir', folder, '--', file, ...args],
    ].flat(),
  }
}

const DIST = fileURLToPath(new URL('../dist', import.meta.url))

const IN_SANDBOX: readonly (readonly [what: string, confine: Confine])[] = [
  ['from its source', (launch) => inBubblewrap(launch, unpackReadOnlyPaths())],
  [
    'as it is built',
    ({ file, args }) => {
      const built = args.map((arg) =>
        arg.endsWith('unpack-program.ts') ? join(DIST, 'unpack-program.js') : arg,
      )
      return inBubblewrap({ file, args: built }, [process.execPath, DIST, join(DIST, '../package.json')])
    },
  ],
]

for (const [what, confine] of IN_SANDBOX) {
  test(`in a sandbox the program, ${what}, needs the listed paths and its folder, and nothing else`, async (t) => {
    const link: TarEntry = { path: 'l', type: 'SymbolicLink', linkpath: 'bin/hello' }
    for (const archive of [tarOf([TOOL, link]), zipOf([{ path: 'bin/hello', content: SCRIPT }])]) {
      const { said, folder, log } = await installHere(t, archive, { confine })
      assert.equal(said, 'installed', log.text)
      assert.equal(readFileSync(join(folder, 'bin/hello'), 'utf8'), SCRIPT)
    }
    const refused = await installHere(t, tarOf([{ path: '../x' }]), { confine })
    assert.equal(refused.said, 'BUNDLE_INVALID: The entry "../x" lies outside the archive.')
  })
}

test('a program whose runner dies does not go on', async (t) => {
  const folder = newFolder(temporaryFolder(t), 'work')
  const out = join(temporaryFolder(t), 'pid')
  const launcher = fileURLToPath(new URL('../src/bundle/unpack-launch.ts', import.meta.url))
  const script = `
    const { unpackLaunch } = await import(${JSON.stringify(launcher)})
    const { spawn } = await import('node:child_process')
    const confine = () => ({ file: '/bin/sh', args: ['-c', 'echo $$ > ${out}; exec sleep 1000'] })
    const { file, args } = unpackLaunch(${JSON.stringify(folder)}, { limits: { timeMs: 1000, bytes: 1000 }, confine })
    spawn(file, args, { detached: true, stdio: 'ignore' })`
  const runner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
  const pid = await waitFor('the program', () => existsSync(out) && readFileSync(out, 'utf8').trim())
  runner.kill('SIGKILL')
  await waitFor('its end', () => !isRunning(pid))
})

test('the built runner unpacks with its built program', async (t) => {
  const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))
  for (const archive of [GOOD, zipOf([{ path: 'bin/hello', content: SCRIPT }])]) {
    const host = await serve(t, (_request, response) => response.end(archive))
    const runner = await startRunner(t, { entry, flags: [`--bundle-http-hosts=${host}`] })
    await runner.assign({ command: 'hello', bundle: { url: `http://${host}/b`, sha256: sha256(archive) } })
    const terminal = await runner.connect()
    assert.equal((await terminal.exited(30_000)).code, 0, terminal.text + runner.log)
    assert.match(terminal.text, /hello/)
  }
})

/** Mounts a small disk where the runner's work folder is, then starts the runner. */
const ON_SMALL_DISK = `
for argument in "$@"; do case $argument in --work-folder=*) work=\${argument#*=};; esac; done
mount -t tmpfs -o size=2m,mode=0777 tmpfs "$work"
exec "$@"`

for (const [when, archive] of [
  ['while a bundle is unpacked', tarOf([TOOL, { path: 'big', content: Buffer.alloc(6_000_000, 'big') }])],
  ['while a bundle is fetched', plainTar([TOOL, { path: 'big', content: Buffer.alloc(6_000_000, 'big') }])],
] as const) {
  test(`a disk that is full ${when} is named in the session’s failure`, async (t) => {
    const host = await serve(t, (_request, response) => response.end(archive))
    const spaces = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount']
    const runner = await startRunner(t, {
      wrapper: ['unshare', ...spaces, 'sh', '-ec', ON_SMALL_DISK, 'sh'],
      flags: [`--bundle-http-hosts=${host}`],
    })
    await runner.assign({ command: 'hello', bundle: { url: `http://${host}/b`, sha256: sha256(archive) } })
    const terminal = await runner.connect()
    const { failure } = await terminal.exited(30_000)
    assert.equal(failure?.code, 'WORK_FOLDER_UNUSABLE')
    assert.match(failure.message, /^The disk is full \(ENOSPC\)/)
    assert.match(terminal.text, /The disk is full/)
  })
}
