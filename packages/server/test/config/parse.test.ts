import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { IDLE_TIMEOUT_SECONDS, LIFETIME_SECONDS } from '@cliscale/sdk/protocol'
import { ConfigError } from '../../src/config/config.ts'
import { OPTIONS, type OptionRow } from '../../src/config/options.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { DATABASE_UIDS, readUidRange, SESSION_UIDS } from '../../src/config/uid-range.ts'

function problemsOf(args: readonly string[], env: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(args, env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  return []
}

test('without flags and variables every option has its default', () => {
  const config = parseConfig([], { HOME: '/home/ada' })
  assert.equal(config.mode, 'all')
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.port, 7680)
  assert.equal(config.databaseUrl, null)
  assert.equal(config.dataDir, '/home/ada/.local/share/cliscale')
  assert.equal(config.defaultLifetimeSeconds, LIFETIME_SECONDS.default)
  assert.equal(config.maxLifetimeSeconds, LIFETIME_SECONDS.max)
  assert.equal(config.defaultIdleTimeoutSeconds, IDLE_TIMEOUT_SECONDS.default)
})

test('a flag comes before a variable, a variable before the default', () => {
  assert.equal(parseConfig([], { CLISCALE_PORT: '8000' }).port, 8_000)
  assert.equal(parseConfig(['--port=9000'], { CLISCALE_PORT: '8000' }).port, 9_000)
  assert.equal(parseConfig(['--port', '9000'], {}).port, 9_000)
})

test('an empty variable counts as not set', () => {
  assert.equal(parseConfig([], { CLISCALE_PORT: '', DATABASE_URL: '' }).port, 7_680)
})

test('XDG_DATA_HOME decides where data goes', () => {
  assert.equal(parseConfig([], { XDG_DATA_HOME: '/data', HOME: '/home/ada' }).dataDir, '/data/cliscale')
})

test('all problems are told together, one sentence each', () => {
  const problems = problemsOf(['--port=70000', '--mode=both', '--colour=red', 'extra'], {
    DB_MAX_CONNECTIONS: 'x',
  })
  assert.equal(problems.length, 5)
  for (const problem of problems) assert.match(problem, /^[A-Z-].*\.$/)
  assert.match(problems.join(' '), /--port must be a whole number from 0 to 65535, not "70000"/)
  assert.match(problems.join(' '), /There is no option --colour/)
})

test('a flag without its value is told by name', () => {
  assert.deepEqual(problemsOf(['--port']), ['--port needs a value.'])
})

test('a host that other machines reach needs the address that they use', () => {
  assert.match(problemsOf(['--host=0.0.0.0'])[0] ?? '', /--public-url/)
  assert.match(problemsOf(['--host=::'])[0] ?? '', /--public-url/)
  assert.deepEqual(problemsOf(['--host=::1']), [])
  assert.deepEqual(problemsOf(['--host=0.0.0.0', '--public-url=https://t.example.com']), [])
})

test('an address is taken with or without brackets, and a port or scheme is refused', () => {
  assert.equal(parseConfig(['--host=[::1]'], {}).host, '::1')
  assert.equal(parseConfig(['--internal-host=localhost'], {}).internalHost, 'localhost')
  for (const wrong of ['[127.0.0.1]', '[::1]:80', 'localhost:80', 'http://localhost', 'a b', '[]'])
    assert.match(problemsOf([`--host=${wrong}`])[0] ?? '', /^--host must be an address/, wrong)
})

test('a tilde is the home folder, and never a folder of that name', () => {
  const env = { HOME: '/home/ada' }
  assert.equal(parseConfig(['--data-dir=~'], env).dataDir, '/home/ada')
  assert.equal(parseConfig([], { ...env, CLISCALE_DATA_DIR: '~/d' }).dataDir, '/home/ada/d')
  assert.match(problemsOf(['--data-dir=~x'], env)[0] ?? '', /another user/)
  assert.match(problemsOf(['--data-dir=~/x'], { HOME: '' })[0] ?? '', /no home/)
  assert.match(parseConfig(['--data-dir=./~'], env).dataDir, /\/~$/)
})

test('a public address in clear must be allowed by name', () => {
  const open = ['--host=0.0.0.0', '--public-url=http://10.0.0.5:7680']
  assert.match(problemsOf(open)[0] ?? '', /in clear/)
  assert.deepEqual(problemsOf([...open, '--insecure-http']), [])
})

test('sessions without isolation on a server that others can reach must be accepted in so many words', () => {
  const open = ['--host=0.0.0.0', '--public-url=https://t.example.com', '--isolation=none']
  assert.match(problemsOf(open)[0] ?? '', /--isolation=none with --host=0\.0\.0\.0 .*--allow-unisolated/)
  assert.deepEqual(problemsOf([...open, '--allow-unisolated']), [])
  assert.deepEqual(problemsOf(['--isolation=none']), [])
})

test('paths that sessions see are separated by colons', () => {
  assert.deepEqual(parseConfig(['--session-paths=/opt/a, b:/srv/'], {}).sessionPaths, ['/opt/a, b', '/srv'])
  assert.match(problemsOf(['--session-paths=opt'])[0] ?? '', /"opt" is not absolute/)
})

test('modes apart need a database of their own', () => {
  assert.match(problemsOf(['--mode=gateway'])[0] ?? '', /DATABASE_URL/)
  assert.match(problemsOf(['--mode=controller'])[0] ?? '', /DATABASE_URL/)
})

test('a flag that the mode does not read is refused, a variable is not', () => {
  const env = { DATABASE_URL: 'postgresql://localhost/x' }
  assert.deepEqual(problemsOf(['--mode=gateway', '--spare-runners=3'], env), [
    '--spare-runners has no meaning in mode gateway.',
  ])
  assert.deepEqual(problemsOf(['--mode=gateway'], { ...env, CLISCALE_SPARE_RUNNERS: '3' }), [])
})

test('a database address is neither a flag nor repeated in a problem', () => {
  assert.deepEqual(problemsOf(['--database-url=postgresql://u:secret@h/d']).length, 1)
  const problems = problemsOf([], { DATABASE_URL: 'mysql://u:topsecret@h/d' })
  assert.equal(problems.length, 1)
  assert.doesNotMatch(problems.join(), /topsecret/)
})

test('origins must stand exactly as browsers send them', () => {
  assert.deepEqual(
    parseConfig(['--allowed-origins=https://a.example, http://b.example:81'], {}).allowedOrigins,
    ['https://a.example', 'http://b.example:81'],
  )
  for (const wrong of ['https://a.example/', 'a.example', '*', 'https://A.example', 'null'])
    assert.equal(problemsOf([`--allowed-origins=${wrong}`]).length, 1, wrong)
})

test('origins of apps can be allowed; wildcards, and what every sandboxed page sends, cannot', () => {
  const apps = [
    'tauri://localhost',
    'http://tauri.localhost',
    'app://bundle',
    'capacitor://localhost',
    'vscode-webview://1tq0j6e5b8k2',
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
    'moz-extension://6b7e2a1c-0000-4000-8000-000000000000',
  ]
  assert.deepEqual(parseConfig([`--allowed-origins=${apps.join(',')}`], {}).allowedOrigins, apps)
  for (const wild of ['https://*.example.com', '*', 'https://*'])
    assert.match(problemsOf([`--allowed-origins=${wild}`])[0] ?? '', /takes no wildcards/, wild)
  for (const file of ['null', 'file://', 'file:///index.html'])
    assert.match(problemsOf([`--allowed-origins=${file}`])[0] ?? '', /cannot hold "null"/, file)
  for (const wrong of ['tauri://', 'tauri://localhost/', 'TAURI://localhost', 'javascript://x', 'data://x'])
    assert.match(problemsOf([`--allowed-origins=${wrong}`])[0] ?? '', /must hold origins/, wrong)
})

test('a problem says once what was given, what is allowed, and what was probably meant', () => {
  assert.deepEqual(problemsOf(['--allowed-hosts=foo:1']), [
    '--allowed-hosts must hold host names without port; "foo:1" is not one.',
  ])
  assert.deepEqual(problemsOf(['--log-level=wran']), [
    '--log-level must be one of trace, debug, info, warn, error, fatal, silent, not "wran"; perhaps "warn" is meant.',
  ])
  assert.deepEqual(problemsOf(['--port=']), ['--port is empty.'])
  assert.deepEqual(problemsOf(['--prot=1']), ['There is no option --prot; perhaps --port is meant.'])
  assert.deepEqual(problemsOf(['--zzzzzzzzzz=1']), ['There is no option --zzzzzzzzzz; see --help.'])
})

test('host names are taken without port', () => {
  assert.deepEqual(parseConfig(['--allowed-hosts=Box.local,::1'], {}).allowedHosts, ['box.local', '[::1]'])
  assert.equal(problemsOf(['--allowed-hosts=box.local:80']).length, 1)
})

test('networks are addresses with a prefix length', () => {
  const networks = ['10.0.0.0/8', 'fd00::/8', '127.0.0.1/32']
  assert.deepEqual(parseConfig([`--runner-networks=${networks.join(',')}`], {}).runnerNetworks, networks)
  for (const wrong of ['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'example.com/8', '10.0.0.0/8/8', '/8'])
    assert.equal(problemsOf([`--runner-networks=${wrong}`]).length, 1, wrong)
})

test('public URLs lose their last slash and may not carry credentials', () => {
  assert.equal(parseConfig(['--public-url=https://t.example/'], {}).publicUrl, 'https://t.example')
  assert.equal(problemsOf(['--public-url=https://u:p@t.example']).length, 1)
  assert.equal(problemsOf(['--public-url=ftp://t.example']).length, 1)
})

test('any text for any option gives a configuration or sentences, never another error', () => {
  const rows: readonly OptionRow[] = Object.values(OPTIONS)
  const setting = fc.tuple(fc.constantFrom(...rows), fc.string({ unit: 'binary', maxLength: 40 }))
  fc.assert(
    fc.property(fc.array(setting, { maxLength: 4 }), fc.boolean(), (settings, asFlags) => {
      const flags = settings.flatMap(([row, text]) =>
        row.flag !== null && asFlags ? [`--${row.flag}=${text}`] : [],
      )
      const env = asFlags ? {} : Object.fromEntries(settings.map(([row, text]) => [row.env, text]))
      for (const problem of problemsOf(flags, env)) assert.ok(problem.endsWith('.'))
    }),
  )
})

test('recordings go to this machine or to a bucket, and nothing of S3 is given without one', () => {
  assert.equal(parseConfig([], {}).recordings, 'local')
  const bucket = ['--recordings=s3://my-bucket/some/where', '--s3-endpoint=http://127.0.0.1:9000']
  assert.equal(parseConfig(bucket, {}).recordings, 's3://my-bucket/some/where')
  for (const wrong of ['s3://', 's3://B', 's3://ab/../x', 's3://bucket/a?b', '/srv/casts', 's3://bucket//x'])
    assert.match(problemsOf([`--recordings=${wrong}`])[0] ?? '', /^--recordings must be local or/, wrong)
  assert.match(problemsOf(['--s3-region=eu-west-1'])[0] ?? '', /--recordings=s3:/)
})

test('hosts of bundles are hosts, with a port or without', () => {
  const hosts = [
    'example.com',
    'example.com:8080',
    '127.0.0.1',
    '127.0.0.1:80',
    '[::1]:81',
    '::1',
    'localhost',
  ]
  assert.deepEqual(parseConfig([`--bundle-http-hosts=${hosts.join(',')}`], {}).bundleHttpHosts, hosts)
  for (const wrong of ['http://x', 'x/y', 'x:99999', 'me@x', 'x?y', 'a b', '::1:x']) {
    assert.equal(problemsOf([`--bundle-http-hosts=${wrong}`]).length, 1, wrong)
  }
})

test('private networks of bundles are networks', () => {
  const networks = ['10.0.0.0/8', 'fd00::/8']
  const config = parseConfig([`--bundle-private-networks=${networks.join(',')}`], {})
  assert.deepEqual(config.bundlePrivateNetworks, networks)
  assert.equal(problemsOf(['--bundle-private-networks=10.0.0.0']).length, 1)
})

test('ids for embedded databases are a range of users without rights', () => {
  const { databaseUids } = parseConfig(['--database-uids=70000-70999'], {})
  assert.deepEqual(readUidRange(databaseUids), { first: 70_000, last: 70_999 })
  assert.deepEqual(readUidRange(parseConfig([], {}).databaseUids), DATABASE_UIDS)
  for (const text of ['0-10', '10-9', '5', '1-2147483648', '-5-3', '1-2-3', 'a-b', '1 - 2'])
    assert.match(
      problemsOf([`--database-uids=${text}`])[0] ?? '',
      /^--database-uids must be a range of user ids such as 2100000000-2100065535, without 0, not/,
    )
})

test('a schema has a plain name of its own', () => {
  assert.equal(parseConfig([], {}).dbSchema, 'cliscale')
  for (const name of ['terminals', 'order', '_x1', 'a'.repeat(48)])
    assert.equal(parseConfig([`--db-schema=${name}`], {}).dbSchema, name)
  const names = [
    'public',
    'information_schema',
    'pg_catalog',
    'pg_x',
    'Upper',
    '1st',
    'a-b',
    'a"b',
    'a b',
    'ä',
  ]
  for (const name of [...names, 'a'.repeat(49), 'x;DROP'])
    assert.match(
      problemsOf([`--db-schema=${name}`])[0] ?? '',
      /^--db-schema must be a name of at most 48 /,
      name,
    )
})

test('ids that sessions and the database would share are refused', () => {
  const shared = /share ids, so a session could become the user that owns the database/
  assert.match(problemsOf(['--session-uids=70000-70999', '--database-uids=70999-71000'])[0] ?? '', shared)
  assert.match(problemsOf([`--session-uids=${DATABASE_UIDS.last}-${DATABASE_UIDS.last}`])[0] ?? '', shared)
  assert.match(
    problemsOf([`--database-uids=${SESSION_UIDS[0]?.last}-${DATABASE_UIDS.last}`])[0] ?? '',
    /^--database-uids=\S+ shares ids with 1900000000-1900065535, which sessions get; /,
  )
  assert.deepEqual(problemsOf(['--session-uids=70000-70999', '--database-uids=71000-71999']), [])
  // With a database of one's own the embedded one has no user.
  const url = { DATABASE_URL: 'postgresql://db/a' }
  assert.deepEqual(problemsOf(['--session-uids=70000-70999', '--database-uids=70000-71999'], url), [])
})
