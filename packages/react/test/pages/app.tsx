// The page of the browser tests: an app as its user would write it, steered by the query of its address.
import {
  CliscalePlayer,
  CliscaleProvider,
  CliscaleTerminal,
  type PlayerHandle,
  type RecordingSource,
  type RendererChoice,
  type TerminalHandle,
  useCliscaleTerminal,
} from '@cliscale/react'
import '@cliscale/react/styles.css'
import { TokenSource } from '@cliscale/sdk'
import { type JSX, StrictMode, useEffect, useState, version } from 'react'
import { createPortal } from 'react-dom'
import { createRoot } from 'react-dom/client'
import './app.css'

declare global {
  interface Window {
    /** The terminal that the tests look at. */
    terminal: TerminalHandle
    /** What the component's listeners were told. */
    told: string[]
    /** Of the React that the page runs on. */
    reactVersion: string
    /** Shows or hides the terminal. */
    show: (shown: boolean) => void
    /** Renders the app again. */
    render: () => void
    /** Gives the player something to play. */
    playSource: (src: RecordingSource) => void
    player: PlayerHandle | null
    /** Gives the player another theme. */
    playerTheme: (theme: 'dark' | 'light') => void
  }
}

const query = new URLSearchParams(location.search)
const sessionIds = (query.get('session') ?? '').split(',').filter((id) => id !== '')
const font = query.get('font')
const fontSize = query.get('font-size')
window.told = []
window.reactVersion = version

function Probe(): null {
  const terminal = useCliscaleTerminal()
  useEffect(() => {
    window.terminal = terminal
  }, [terminal])
  return null
}

/** `?player`: what the test gives to it. `?recording=ID`: a session's recording. */
function PlayerApp(): JSX.Element {
  const [src, setSrc] = useState<RecordingSource | null>(null)
  const [theme, setTheme] = useState<'dark' | 'light'>('dark')
  useEffect(() => {
    window.playSource = setSrc
    window.playerTheme = setTheme
  }, [])
  const recorded = query.get('recording')
  const tell = (what: string) => (): void => void window.told.push(what)
  return (
    <CliscaleProvider baseUrl={location.origin}>
      <button type="button">before</button>
      <div className="frame">
        <CliscalePlayer
          {...(recorded === null ? { src } : { sessionId: recorded })}
          theme={theme}
          autoPlay={query.has('auto')}
          {...(font === null ? {} : { fontFamily: font })}
          handleRef={(handle) => {
            window.player = handle
          }}
          onPlay={tell('play')}
          onPause={tell('pause')}
          onEnded={tell('ended')}
          onError={({ code }) => tell(`error ${code}`)()}
        />
      </div>
    </CliscaleProvider>
  )
}

function App(): JSX.Element {
  const [shown, setShown] = useState(!query.has('hidden'))
  const [renders, setRenders] = useState(0)
  useEffect(() => {
    window.show = setShown
    window.render = () => setRenders((count) => count + 1)
  }, [])
  const tell = (what: string): void => {
    window.told.push(what)
  }
  return (
    <CliscaleProvider baseUrl={location.origin}>
      <button type="button">before</button>
      {shown &&
        sessionIds.map((sessionId) => (
          <div
            className={query.has('small') ? 'frame small' : 'frame'}
            key={sessionId}
            data-renders={renders}
          >
            <CliscaleTerminal
              sessionId={sessionId}
              autoFocus
              theme={query.has('light') ? 'light' : 'dark'}
              role={query.get('role') === 'observer' ? 'observer' : 'driver'}
              renderer={(query.get('renderer') ?? 'auto') as RendererChoice}
              screenReaderMode={query.has('reader')}
              cursorBlink={!query.has('still')}
              {...(font === null ? {} : { fontFamily: font })}
              {...(fontSize === null ? {} : { fontSize: Number(fontSize) })}
              recorded={query.has('recorded')}
              keyBar={!query.has('no-keys')}
              onStateChange={(state) => tell(`state ${state}`)}
              onPhase={({ phase }) => tell(`phase ${phase}`)}
              onExit={({ code }) => tell(`exit ${code}`)}
              onError={({ code }) => tell(`error ${code}`)}
              onTitleChange={(title) => tell(`title ${title}`)}
              onKey={({ key }) => (key === 'F2' ? 'two' : key === 'F3' ? false : undefined)}
              onRestart={() => tell('restart')}
            >
              <Probe />
            </CliscaleTerminal>
          </div>
        ))}
      <button type="button">after</button>
    </CliscaleProvider>
  )
}

/** A box in another window, with the style sheets of this one. */
function placeElsewhere(): HTMLElement | null {
  // StrictMode asks twice; by its name it is the same window.
  const other = window.open('', 'other', 'width=800,height=500')
  if (other === null) return null
  const made = other.document.querySelector<HTMLElement>('#box')
  if (made !== null) return made
  for (const { href } of document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')) {
    const copy = other.document.createElement('link')
    Object.assign(copy, { rel: 'stylesheet', href })
    other.document.head.append(copy)
  }
  const box = other.document.createElement('div')
  box.style.height = '400px'
  box.id = 'box'
  other.document.body.append(box)
  return box
}

/** `?mount=…`: a terminal that may fail to come into being. `popup` draws it into another window. */
function MountApp({ how }: { readonly how: string }): JSX.Element {
  const [place] = useState(() => (how === 'popup' ? placeElsewhere() : null))
  const common = {
    autoFocus: true,
    onError: ({ code, message }: { code: string; message: string }) =>
      void window.told.push(`error ${code} ${message}`),
    children: <Probe />,
  }
  const id = sessionIds[0] ?? 'ses_none'
  const endpoint = (url: string): JSX.Element => (
    <CliscaleTerminal tokenSource={TokenSource.endpoint(url)} {...common} />
  )
  if (how === 'nothing') return <CliscaleTerminal {...(common as unknown as { sessionId: string })} />
  if (how === 'no-provider') return <CliscaleTerminal sessionId={id} {...common} />
  if (how === 'endpoint') return endpoint(query.get('url') ?? '')
  const terminal = <CliscaleTerminal sessionId={id} {...common} />
  return (
    <CliscaleProvider baseUrl={query.get('base') ?? location.origin}>
      {how === 'popup' ? place !== null && createPortal(terminal, place) : terminal}
    </CliscaleProvider>
  )
}

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no root.')
const mount = query.get('mount')
createRoot(root).render(
  <StrictMode>
    {mount !== null ? (
      <div className="frame">
        <MountApp how={mount} />
      </div>
    ) : query.has('player') || query.has('recording') ? (
      <PlayerApp />
    ) : (
      <App />
    )}
  </StrictMode>,
)
