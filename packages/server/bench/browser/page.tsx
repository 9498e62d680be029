// The page of the bench: a terminal, a button of the app's own, and a watch on how soon both answer.
import { CliscaleTerminal, type TerminalHandle, useCliscaleTerminal } from '@cliscale/react'
import { TokenSource } from '@cliscale/sdk'
import { type JSX, useEffect, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'

/** What the page has seen since it was last asked to begin. */
export interface PageWatch {
  /** Milliseconds from the browser's own time of an input to the frame after it. */
  clickMs: number[]
  keyMs: number[]
  frameGapMs: number[]
  longTaskMs: number[]
  /** From the keydown of Ctrl-C to the frame that shows the prompt. */
  promptMs: number | undefined
}

declare global {
  interface Window {
    terminal: TerminalHandle
    watch: PageWatch
  }
}

window.watch = { clickMs: [], keyMs: [], frameGapMs: [], longTaskMs: [], promptMs: undefined }

function answered(event: Event, into: 'clickMs' | 'keyMs'): void {
  afterFrame(() => window.watch[into].push(performance.now() - event.timeStamp))
}

/** Calls when the next frame has been drawn: a task that is posted in a frame runs after it. */
function afterFrame(then: () => void): void {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', then, { once: true })
    port1.start()
    port2.postMessage(null)
  })
}

function watchFrames(): void {
  let before = performance.now()
  const frame = (): void => {
    const now = performance.now()
    window.watch.frameGapMs.push(now - before)
    before = now
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
}

function watchPrompt(from: number): void {
  const look = (): void => {
    if (window.terminal.text().endsWith('$'))
      afterFrame(() => (window.watch.promptMs = performance.now() - from))
    else requestAnimationFrame(look)
  }
  look()
}

function Probe(): null {
  const terminal = useCliscaleTerminal()
  useEffect(() => {
    window.terminal = terminal
  }, [terminal])
  return null
}

const RENDERER = new URLSearchParams(location.search).get('renderer') === 'webgl' ? 'webgl' : 'auto'

function App(): JSX.Element {
  const [clicks, setClicks] = useState(0)
  const tokenSource = useMemo(() => TokenSource.endpoint('/token'), [])
  return (
    <>
      <button
        type="button"
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => setClicks(clicks + 1)}
      >
        Clicked {clicks} times
      </button>
      <div className="frame">
        <CliscaleTerminal tokenSource={tokenSource} renderer={RENDERER} autoFocus theme="dark">
          <Probe />
        </CliscaleTerminal>
      </div>
    </>
  )
}

addEventListener('click', (event) => answered(event, 'clickMs'), true)
addEventListener(
  'keydown',
  (event) => {
    answered(event, 'keyMs')
    if (event.ctrlKey && event.key.toLowerCase() === 'c') watchPrompt(event.timeStamp)
  },
  true,
)
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.watch.longTaskMs.push(duration)
}).observe({ type: 'longtask' })
watchFrames()
const root = document.getElementById('root')
if (root === null) throw new Error('The page has no root.')
createRoot(root).render(<App />)
