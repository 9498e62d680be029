import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startControlPlane } from './gateway/control-plane.ts'
import { PEERS, type PeerContext, type PeerKind } from './gateway/peers.ts'
import { end, forkNode, portOf } from './gateway/processes.ts'
import {
  churn,
  echo,
  type Figures,
  idle,
  Load,
  type Scale,
  type Scenario,
  stall,
  throughput,
  upgrades,
} from './gateway/scenarios.ts'
import { asJson, asText, load as machineLoad, writeMarkdown } from './gateway/report.ts'
import type { Results } from './gateway/results.ts'

const SCENARIOS: Readonly<Record<string, Scenario>> = { idle, throughput, echo, upgrades, stall, churn }

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
const chosen = Object.keys(SCENARIOS).filter(
  (name) => values.scenarios === undefined || values.scenarios.split(',').includes(name),
)
const missing = chosenPeers.flatMap((kind) => kind.missing() ?? [])
const folder = mkdtempSync(join(tmpdir(), 'cliscale-bench-'))
const plane = await startControlPlane(folder)

try {
  for (let round = 1; round <= rounds; round += 1) {
    for (const scenario of chosen) {
      for (const kind of chosenPeers.filter((peer) => peer.missing() === null)) {
        if (!values.json) console.error(`round ${round}, ${scenario}: ${kind.name}`)
        keep(scenario, kind, await run(kind, scenario))
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

/** One scenario on fresh processes: nothing of an earlier run is left in anybody's memory. */
async function run(kind: PeerKind, scenario: string): Promise<Figures> {
  const backend = forkNode('backend.ts', [])
  const load = new Load()
  try {
    const profiles = values.profile === undefined ? {} : { profiles: values.profile }
    const context: PeerContext = { backend: await portOf(backend), folder, plane, ...profiles }
    const peer = await kind.start(context)
    try {
      return await SCENARIOS[scenario]!(peer, load, scale)
    } finally {
      await peer.stop()
    }
  } catch (error) {
    console.error(`${scenario}, ${kind.name}: ${error instanceof Error ? error.message : String(error)}`)
    return {}
  } finally {
    await load.close()
    await end(backend)
  }
}

function keep(scenario: string, { name }: PeerKind, figures: Figures): void {
  const byPeer = (results[scenario] ??= {})
  const byFigure = (byPeer[name] ??= {})
  for (const [figure, value] of Object.entries(figures)) (byFigure[figure] ??= []).push(value)
}
