import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { temporaryFolder } from './install-here.ts'
import type { HostsLine, PublicHosts } from './public-hosts.ts'
import { waitFor } from './wait-for.ts'

/** A network that only its own processes see, with names and public addresses in it. */
export interface OwnNetwork {
  /** Program and arguments that start another program inside. */
  readonly wrapper: readonly string[]
  /** Names that were asked for, and requests that came as `address:port path`, in their order. */
  readonly asked: readonly string[]
  readonly requested: readonly string[]
}

const PROGRAM = fileURLToPath(new URL('public-hosts.ts', import.meta.url))

/** Brings the addresses up, and lets names be asked at the program alone. `$0` is a folder with the two files. */
const SET_UP = `
ip link set lo up
for address in $ADDRESSES; do case $address in 127.*) ;; *) ip addr add $address/32 dev lo;; esac; done
mount --bind "$0/resolv.conf" /etc/resolv.conf
mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf
exec "$@"`

/** Opens a network namespace; it ends with the test. Only root's need no user namespace around it. */
export async function openNetwork(t: TestContext, hosts: PublicHosts): Promise<OwnNetwork> {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:2 attempts:2\n')
  writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files dns\n')
  const isRoot = process.getuid?.() === 0
  const spaces = [...(isRoot ? [] : ['--user', '--map-root-user']), '--net', '--mount']
  const program = [process.execPath, PROGRAM, JSON.stringify(hosts)]
  const child = spawn('unshare', [...spaces, 'sh', '-ec', SET_UP, folder, ...program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      ADDRESSES: hosts.listen.map(([address]) => address).join(' '),
    },
  })
  t.after(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  const lines: HostsLine[] = []
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.map((part) => JSON.parse(part) as HostsLine))
  })
  await waitFor('the network', () => {
    if (child.exitCode !== null) throw new Error(`the network ended with ${child.exitCode}`)
    return lines.some((line) => 'ready' in line)
  })
  return {
    wrapper: [
      'nsenter',
      ...(isRoot ? [] : ['--user', '--preserve-credentials']),
      '--net',
      '--mount',
      `--target=${child.pid}`,
    ],
    get asked() {
      return lines.flatMap((line) => ('asked' in line ? [line.asked] : []))
    },
    get requested() {
      return lines.flatMap((line) => ('requested' in line ? [`${line.at} ${line.requested}`] : []))
    },
  }
}
