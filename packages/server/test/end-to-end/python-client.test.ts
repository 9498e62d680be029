import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { cuttingProxy } from '../support/cutting-proxy.ts'
import { spawnServer } from '../support/spawn-server.ts'

const CHUNK = 100_000
const LINES = 262_144
const CHUNKS = [0, 1, 2] as const

/** Three times a digest of what is typed, then 2 MiB of lines, unchanged by the terminal. */
const SCRIPT = `stty raw -echo; printf ready; for n in 1 2 3; do head -c ${CHUNK} | sha256sum | head -c 64; done
seq -f %07.0f 1 ${LINES}; exit 7`

/** At each of these offsets of output the network is cut: with input in flight, and in the middle of the stream. */
const CUTS = [5 + 64, 5 + 128, 500_000, 1_000_000, 1_500_000]

/** Uses the example as a program of somebody else does. It says `cut` and waits for a line wherever it wants to be cut. */
const PROGRAM = `
import hashlib, json, sys
from cliscale_terminal import Terminal, call_api

base_url, api_key, script, cuts = json.loads(sys.stdin.readline())
session = call_api(base_url, api_key, "/v1/sessions", {"command": "sh", "args": ["-c", script]})["session"]
access = lambda: call_api(base_url, api_key, "/v1/sessions/%s/tokens" % session["id"], {"role": "driver"})
received = bytearray()

def show(data):
    if not received:
        terminal.write(bytes((7 * i + i // 256) & 255 for i in range(${CHUNK * CHUNKS.length})))
    received.extend(data)
    if cuts and len(received) >= cuts[0]:
        while cuts and len(received) >= cuts[0]:
            cuts.pop(0)
        print("cut", flush=True)
        sys.stdin.readline()

terminal = Terminal(access, show)
end = terminal.run()
print(json.dumps({"exit": end, "modes": terminal.modes, "length": len(received),
    "start": received[:197].decode("latin-1"), "rest": hashlib.sha256(received[197:]).hexdigest()}), flush=True)
`

interface Told {
  readonly exit: unknown
  readonly modes: readonly string[]
  readonly length: number
  readonly start: string
  readonly rest: string
}

function typedDigests(): string {
  const typed = Buffer.from(
    Array.from({ length: CHUNK * CHUNKS.length }, (_, i) => (7 * i + Math.floor(i / 256)) & 255),
  )
  return CHUNKS.map((n) => sha256(typed.subarray(n * CHUNK, (n + 1) * CHUNK))).join('')
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex')
}

test('a client in Python, written from PROTOCOL.md, types and reads exact bytes over a network that is cut', async (t) => {
  const server = await spawnServer(t)
  const network = await cuttingProxy(t, server.baseUrl)
  const folder = fileURLToPath(new URL('../../../../examples/python-client', import.meta.url))
  const python = spawn('python3', ['-c', PROGRAM], {
    env: { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  t.after(() => python.kill('SIGKILL'))
  let errors = ''
  python.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  let told: Told | undefined
  createInterface(python.stdout).on('line', (line) => {
    if (line !== 'cut') {
      told = JSON.parse(line) as Told
      return
    }
    network.cut()
    python.stdin.write('go\n')
  })
  python.stdin.write(`${JSON.stringify([network.url, server.apiKey, SCRIPT, CUTS])}\n`)
  await once(python, 'close')
  assert.ok(told !== undefined, errors)
  const lines = Array.from({ length: LINES }, (_, i) => `${String(i + 1).padStart(7, '0')}\n`).join('')
  assert.deepEqual(told.exit, { code: 7, signal: null, reason: 'exited' })
  assert.equal(told.start, `ready${typedDigests()}`)
  assert.equal(told.length, 197 + lines.length)
  assert.equal(told.rest, sha256(lines))
  assert.equal(told.modes[0], 'fresh')
  assert.deepEqual(new Set(told.modes.slice(1)), new Set(['delta']))
  assert.ok(told.modes.length > 2, `cut ${network.cuts} times, ${told.modes.length} connections`)
})
