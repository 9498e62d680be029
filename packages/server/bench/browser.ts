// npm run bench -- browser [--json] [--megabytes=200] [--renderer=dom|webgl|both]: a flood of output in a real browser.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeTextFile } from './browser/flood-file.ts'
import { flood, type FloodFigures } from './browser/flood.ts'
import { startPageServer } from './browser/page-server.ts'
import { quantile } from './gateway/measure.ts'
import { startServer } from './sessions/server.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    megabytes: { type: 'string', default: '200' },
    renderer: { type: 'string', default: 'both' },
    /** Writes a CPU profile of the page into this folder. */
    profile: { type: 'string' },
  },
})

interface Goal {
  readonly name: string
  readonly value: number
  readonly goal: number
  readonly unit: string
  readonly pass: boolean
}

const MEGABYTE = 1_000_000
const bytes = Number(values.megabytes) * MEGABYTE
const renderers =
  values.renderer === 'both' ? (['dom', 'webgl'] as const) : [values.renderer as 'dom' | 'webgl']
const folder = mkdtempSync(join(tmpdir(), 'cliscale-bench-'))
// A session's own user reads the file.
chmodSync(folder, 0o755)
const file = join(folder, 'log.txt')
const last = await writeTextFile(file, bytes)
const pages = await startPageServer()
const server = await startServer('--isolation=none', '--spare-runners=0', `--allowed-origins=${pages.origin}`)
const results: FloodFigures[] = []
try {
  for (const renderer of renderers) {
    if (!values.json) console.error(`cat of ${values.megabytes} MB, drawn by ${renderer}`)
    const { profile } = values
    results.push(
      await flood({ server, pages, renderer, file, last, ...(profile === undefined ? {} : { profile }) }),
    )
  }
} finally {
  await server.stop()
  await pages.stop()
  rmSync(folder, { recursive: true, force: true })
}
const goals = results.flatMap(judge)
if (values.json) console.log(JSON.stringify({ bytes, results, goals }))
else print()
process.exit(0)

function judge(figures: FloodFigures): Goal[] {
  const name = (what: string): string => `${figures.renderer}: ${what}`
  const memory = [
    atMost(name('memory of the page above its rest'), figures.pageGrownBytes / MEGABYTE, 64, 'MB'),
    atMost(
      name('private memory of its process above its rest'),
      figures.processGrownBytes / MEGABYTE,
      64,
      'MB',
    ),
  ]
  // Here the main processor draws WebGL, which the component does only when it is told to.
  if (figures.renderer === 'webgl') return memory
  return [
    ...memory,
    atMost(name('click to frame, longest'), Math.max(...figures.clickMs), 100, 'ms'),
    atMost(name('key to frame, longest'), Math.max(...figures.keyMs), 100, 'ms'),
    atMost(name('Ctrl-C during yes to the prompt'), figures.promptMs, 100, 'ms'),
  ]
}

function atMost(name: string, value: number, goal: number, unit: string): Goal {
  return { name, value: Number(value.toFixed(1)), goal, unit, pass: value <= goal }
}

function print(): void {
  for (const figures of results) {
    const { renderer, seconds, clickMs, keyMs, frameGapMs, longTaskMs } = figures
    console.log(`${renderer} (drew with ${figures.drewWith})`)
    console.log(
      `  ${(bytes / MEGABYTE / seconds).toFixed(1)} MB/s, ${seconds.toFixed(1)} s, of which its main thread worked ${figures.threadSeconds.toFixed(1)} s`,
    )
    console.log(
      `  page ${megabytes(figures.pageRestBytes)} MB at rest, +${megabytes(figures.pageGrownBytes)} MB at most`,
    )
    const { heap, dom, buffers } = figures.pagePeak
    console.log(
      `  at its most: JavaScript ${megabytes(heap)} MB, DOM ${megabytes(dom)} MB, array buffers ${megabytes(buffers)} MB`,
    )
    console.log(
      `  its process ${megabytes(figures.processRestBytes)} MB private at rest, +${megabytes(figures.processGrownBytes)} MB at most, +${megabytes(figures.processLeftBytes)} MB left`,
    )
    console.log(`  click to frame ${spread(clickMs)}`)
    console.log(`  key to frame   ${spread(keyMs)}`)
    console.log(`  between frames ${spread(frameGapMs)}`)
    console.log(`  tasks over 50 ms: ${longTaskMs.length}, longest ${Math.max(0, ...longTaskMs)} ms`)
    console.log(`  Ctrl-C during yes to the prompt ${figures.promptMs.toFixed(0)} ms`)
  }
  for (const { name, value, goal, unit, pass } of goals)
    console.log(`${pass ? 'pass ' : 'short'} ${name}: ${value} ${unit} (goal ≤ ${goal})`)
}

function spread(ms: readonly number[]): string {
  const [p50, p99, most] = [quantile(ms, 0.5), quantile(ms, 0.99), Math.max(...ms)].map((value) =>
    value.toFixed(0),
  )
  return `p50 ${p50} ms, p99 ${p99} ms, longest ${most} ms (${ms.length})`
}

function megabytes(value: number): string {
  return (value / MEGABYTE).toFixed(1)
}
