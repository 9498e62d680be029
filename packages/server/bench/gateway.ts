import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startControlPlane } from './gateway/control-plane.ts'
import { PEERS, type PeerKind } from './gateway/peers.ts'
import { echo } from './gateway/echo.ts'
import {
  churn,
  type Figures,
  idle,
  type Scale,
  type Scenario,
  stall,
  throughput,
} from './gateway/scenarios.ts'
import { asJson, asText, load as machineLoad, writeMarkdown } from './gateway/report.ts'
import type { Results } from './gateway/results.ts'
import { type JointScenario, openStand, type Stand } from './gateway/stand.ts'
import { upgrades } from './gateway/upgrades.ts'

/** With one peer at a time. */
const SINGLE: Readonly<Record<string, Scenario>> = { idle, throughput, stall, churn }
/** With all peers at once. */
const JOINT: Readonly<Record<string, JointScenario>> = { echo, upgrades }
const SCENARIOS = ['idle', 'throughput', 'echo', 'upgrades', 'stall', 'churn'] as const

const FULL: Scale = {
  idlePairs: [2_000, 8_000],
  echoSeconds: 10,
  stallSeconds: 60,
  upgrades: 6_000,
  pullSeconds: 2,
}
const QUICK: Scale = {
  idlePairs: [500, 2_000],
  echoSeconds: 3,
  stallSeconds: 6,
  upgrades: 1_500,
  pullSeconds: 0.5,
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string' },
    scenarios: { type: 'string' },
    write: { type: 'boolean', default: false },
    'stall-seconds': { type: 'string' },
    'echo-seconds': { type: 'string' },
    /** Writes CPU profiles of the gateway and of the Node peers into this folder. */
    profile: { type: 'string' },
  },
})

const results: Results = {}
const rounds = Number(values.rounds)
const usual = values.quick ? QUICK : FULL
const scale: Scale = {
  ...usual,
  stallSeconds: Number(values['stall-seconds'] ?? usual.stallSeconds),
  echoSeconds: Number(values['echo-seconds'] ?? usual.echoSeconds),
}
const loadBefore = machineLoad()
const chosenPeers = PEERS.filter(
  ({ name }) => values.peers === undefined || values.peers.split(',').includes(name),
)
const chosen = SCENARIOS.filter(
  (name) => values.scenarios === undefined || values.scenarios.split(',').includes(name),
)
const missing = chosenPeers.flatMap((kind) => kind.missing() ?? [])
const folder = mkdtempSync(join(tmpdir(), 'cliscale-bench-'))
const plane = await startControlPlane(folder)

try {
  for (let round = 1; round <= rounds; round += 1) {
    for (const scenario of chosen) {
      const kinds = chosenPeers.filter((peer) => peer.missing() === null)
      for (const some of scenario in JOINT ? [kinds] : kinds.map((kind) => [kind])) {
        const names = some.map(({ name }) => name)
        if (!values.json) console.error(`round ${round}, ${scenario}: ${names.join(', ')}`)
        await run(scenario, some)
      }
    }
  }
} finally {
  await plane.close()
  rmSync(folder, { recursive: true, force: true })
}
const outcome = { results, missing, rounds, quick: values.quick, scale, loadBefore }
console.log(values.json ? asJson(outcome) : asText(outcome))
if (values.write) writeMarkdown(outcome)

async function run(scenario: string, kinds: readonly PeerKind[]): Promise<void> {
  const profiles = values.profile === undefined ? {} : { profiles: values.profile }
  const stands: Stand[] = []
  try {
    for (const kind of kinds) stands.push(await openStand(kind, { folder, plane, ...profiles }))
    for (const [name, figures] of Object.entries(await measure(scenario, stands)))
      keep(scenario, name, figures)
  } catch (error) {
    const names = kinds.map(({ name }) => name)
    console.error(
      `${scenario}, ${names.join(', ')}: ${error instanceof Error ? error.message : String(error)}`,
    )
  } finally {
    for (const stand of stands) await stand.close()
  }
}

async function measure(scenario: string, stands: readonly Stand[]): Promise<Record<string, Figures>> {
  const joint = JOINT[scenario]
  if (joint !== undefined) return joint(stands, scale)
  const figures: Record<string, Figures> = {}
  for (const { name, peer, load } of stands) figures[name] = await SINGLE[scenario]!(peer, load, scale)
  return figures
}

function keep(scenario: string, name: string, figures: Figures): void {
  const byPeer = (results[scenario] ??= {})
  const byFigure = (byPeer[name] ??= {})
  for (const [figure, value] of Object.entries(figures)) (byFigure[figure] ??= []).push(value)
}
