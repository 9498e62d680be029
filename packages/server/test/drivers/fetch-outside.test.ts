import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  type Assignment,
  RUNNER_ID_HEADER,
  RUNNER_PATHS,
  type RunnerStatus,
  type CreateSessionResponse,
  type SessionInfo,
} from '@cliscale/sdk/protocol'
import { tarOf } from '../../../runner/test/support/archives.ts'
import { sha256 } from '../../../runner/test/support/install-here.ts'
import { makeCertificates } from '../../../runner/test/support/make-certificates.ts'
import { openProxy, type TestProxy } from '../../../runner/test/support/open-proxy.ts'
import type { ObservedRunner, RunnerSpec } from '../../src/drivers/driver.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { createLog } from '../../src/observability/log.ts'
import { spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import { askRunner } from './ask-runner.ts'
import { newSpec, startUp } from './driver.contract.ts'

/** Prints what a session of the runner's own user can see of it. */
const LOOK_AROUND = `#!/bin/sh
env; tr '\\0' '\\n' < /proc/$PPID/environ; tr '\\0' '\\n' < /proc/$PPID/cmdline; cat /proc/self/fd/[3-9] 2>&1; true
`

const ARCHIVE = tarOf([{ path: 'bin/look', content: LOOK_AROUND }])
const BUNDLE = { url: 'https://store.test/bundle', sha256: sha256(ARCHIVE) }

interface Outside {
  readonly proxy: TestProxy
  /** Variables with which an operator would name proxy and authority. */
  readonly env: Readonly<Record<string, string>>
}

/** A host behind a proxy, with a certificate of an authority that only this test knows. */
async function openOutside(t: TestContext): Promise<Outside> {
  const folder = await temporaryFolder(t)
  const { key, cert } = makeCertificates(folder, ['DNS:store.test'])
  const server = createServer({ key, cert }, (_request, response) => response.end(ARCHIVE))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const proxy = await openProxy(t, { target: `127.0.0.1:${(server.address() as AddressInfo).port}` })
  const env = {
    HTTPS_PROXY: `http://me:open%20sesame@${proxy.host}`,
    NO_PROXY: 'elsewhere.test',
    NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
  }
  return { proxy, env }
}

const THROUGH_PROXY = [{ line: 'CONNECT store.test:443', credentials: 'me:open sesame' }]

test('a runner fetches as the operator’s variables say, and no trace of the proxy’s password is left', async (t) => {
  const { proxy, env } = await openOutside(t)
  Object.assign(process.env, env)
  t.after(() => Object.keys(env).forEach((name) => delete process.env[name]))
  const dataFolder = await temporaryFolder(t)
  const driver = await createProcessDriver({
    dataFolder,
    isolation: 'none',
    log: createLog({ level: 'silent' }),
  })
  const spec = newSpec()
  t.after(async () => {
    await driver.stop(spec.runnerId, { graceMs: 0 })
    await driver.close()
  })
  const runner = await startUp(driver, spec)
  assertNoTrace(runner, dataFolder)
  await assign(runner, spec)
  const status = await waitFor(() => endedStatus(runner, spec), { what: 'the end of the session' })
  assert.deepEqual([status.exit?.failure, status.exit?.code], [undefined, 0])
  assert.deepEqual(proxy.requests, THROUGH_PROXY)
  assertNoTrace(runner, dataFolder)
})

/** Nothing of the password is in what another process of the same user can read. */
function assertNoTrace({ externalId }: ObservedRunner, dataFolder: string): void {
  const readable = ['environ', 'cmdline'].map((name) => readFileSync(`/proc/${externalId}/${name}`, 'latin1'))
  assert.doesNotMatch(readable.join(), /sesame/)
  const descriptors = readdirSync(`/proc/${externalId}/fd`).map((fd) =>
    statSync(`/proc/${externalId}/fd/${fd}`, { throwIfNoEntry: false }),
  )
  const files = descriptors.filter((stat) => stat?.isFile() === true && stat.nlink === 0)
  assert.deepEqual(files, [])
  for (const path of readdirSync(dataFolder, { recursive: true, encoding: 'utf8' })) {
    const file = join(dataFolder, path)
    const isFile = statSync(file, { throwIfNoEntry: false })?.isFile() === true
    if (isFile) assert.doesNotMatch(readFileSync(file, 'latin1'), /sesame/, path)
  }
}

function headersOf(spec: RunnerSpec): Record<string, string> {
  return { authorization: `Bearer ${spec.secret}`, [RUNNER_ID_HEADER]: spec.runnerId }
}

async function assign({ address }: ObservedRunner, spec: RunnerSpec): Promise<void> {
  const assignment: Assignment = {
    sessionId: 'ses_outside',
    command: 'look',
    args: [],
    env: {},
    columns: 80,
    rows: 24,
    expiresAtMs: Date.now() + 600_000,
    idleTimeoutMs: 0,
    bundle: BUNDLE,
  }
  const status = await new Promise((resolve, reject) => {
    const socketPath = address!.slice('unix:'.length)
    const options = { socketPath, path: RUNNER_PATHS.assign, method: 'POST', headers: headersOf(spec) }
    request(options, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end(JSON.stringify(assignment))
  })
  assert.equal(status, 202)
}

async function endedStatus({ address }: ObservedRunner, spec: RunnerSpec): Promise<RunnerStatus | false> {
  const { body } = await askRunner(address!, RUNNER_PATHS.status, headersOf(spec))
  const status = JSON.parse(body) as RunnerStatus
  return status.exit !== null && status
}

test('a server fetches bundles as its variables and options say', async (t) => {
  const { proxy, env } = await openOutside(t)
  const server = await spawnServer(t, { env, flags: ['--isolation=none', '--spare-runners=0'] })
  const ended = await sessionOf(server, BUNDLE)
  assert.equal(ended.failure, null, JSON.stringify(ended))
  assert.deepEqual(proxy.requests, THROUGH_PROXY)
  const refused = await sessionOf(server, { ...BUNDLE, url: 'https://169.254.169.254/latest/meta-data' })
  assert.equal(refused.failure?.code, 'BUNDLE_FETCH_FAILED')
  assert.equal(refused.failure.message, 'The bundle could not be downloaded.')
  assert.deepEqual(proxy.requests, THROUGH_PROXY)
  assert.doesNotMatch(server.output(), /sesame/)
})

test('a network that --bundle-private-networks names is fetched from', async (t) => {
  const folder = await temporaryFolder(t)
  const { key, cert } = makeCertificates(folder, ['IP:127.0.0.1'])
  const host = createServer({ key, cert }, (_request, response) => response.end(ARCHIVE))
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    host.closeAllConnections()
    host.close()
  })
  const url = `https://127.0.0.1:${(host.address() as AddressInfo).port}/bundle`
  const env = { SSL_CERT_FILE: join(folder, 'ca.pem') }
  const flags = ['--isolation=none', '--spare-runners=0', '--bundle-private-networks=127.0.0.0/8']
  const ended = await sessionOf(await spawnServer(t, { env, flags }), { ...BUNDLE, url })
  assert.equal(ended.failure, null, JSON.stringify(ended))
})

/** Runs a session of a bundle to its end. */
async function sessionOf(
  server: { readonly baseUrl: string; readonly apiKey: string },
  bundle: typeof BUNDLE,
): Promise<SessionInfo> {
  const headers = { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ command: 'look', bundle })
  const created = await fetch(`${server.baseUrl}/v1/sessions`, { method: 'POST', headers, body })
  assert.equal(created.status, 201)
  const { session } = (await created.json()) as CreateSessionResponse
  return waitFor(
    async () => {
      const answer = await fetch(`${server.baseUrl}/v1/sessions/${session.id}`, { headers })
      const now = (await answer.json()) as SessionInfo
      return now.state === 'ended' && now
    },
    { what: 'the end of the session', withinMs: 60_000 },
  )
}
