import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cliscale, TokenSource } from '@cliscale/sdk'
import { CliscaleProvider, CliscaleTerminal, SessionProgress, useCliscaleSession } from '@cliscale/react'
import type { JSX } from 'react'
import type { PhaseReport } from '@cliscale/sdk/protocol'
import { renderToString } from 'react-dom/server'

test('a terminal renders on a server, without a window, to the progress of its start', () => {
  assert.equal('window' in globalThis, false)
  const html = renderToString(<CliscaleTerminal session={null} progressTitle="Waking the shell" />)
  assert.match(html, /class="cliscale"/)
  assert.match(html, /Waking the shell/)
  assert.match(html, /Press Control\+Shift\+F6 to leave/)
})

test('a provider and a hook render on a server and ask nothing of the network', () => {
  const asked: unknown[] = []
  const fetch = async (...args: unknown[]): Promise<Response> => {
    asked.push(args)
    return new Response()
  }
  const client = new Cliscale({ baseUrl: 'http://127.0.0.1:9', fetch })
  const tokenSource = TokenSource.custom(() => assert.fail('a token was asked for'))
  function App(): JSX.Element {
    const { state } = useCliscaleSession('ses_1')
    return (
      <>
        <p>{state}</p>
        <CliscaleTerminal
          tokenSource={tokenSource}
          terminalUrl="ws://127.0.0.1:9/v1/sessions/ses_1/terminal"
        />
      </>
    )
  }
  const html = renderToString(
    <CliscaleProvider client={client}>
      <App />
    </CliscaleProvider>,
  )
  assert.match(html, /<p>idle<\/p>/)
  assert.deepEqual(asked, [])
})

test('a session that waits for nothing shows no queue', () => {
  const active = (phase: PhaseReport | null): string | undefined =>
    /data-step="(\w+)" data-status="active"/.exec(renderToString(<SessionProgress phase={phase} />))?.[1]
  assert.equal(active(null), 'prepare')
  assert.equal(active({ phase: 'queued' }), 'prepare')
  assert.equal(active({ phase: 'scheduled' }), 'prepare')
  assert.equal(active({ phase: 'queued', queuePosition: 3 }), 'queue')
  assert.doesNotMatch(renderToString(<SessionProgress phase={{ phase: 'starting' }} />), /data-step="queue"/)
})

test('progress names the step, the numbers and the bar for people and for machines', () => {
  const html = renderToString(
    <SessionProgress
      phase={{
        phase: 'fetching',
        message: 'Downloading bundle.tgz',
        progress: { done: 12_400_000, total: 50_000_000, unit: 'bytes' },
      }}
    />,
  )
  assert.match(html, /data-step="download" data-status="active" aria-current="step"/)
  assert.match(html, /12\.4 MB of 50\.0 MB/)
  assert.match(html, /<progress[^>]*aria-label="Download the CLI"[^>]*max="50000000"[^>]*value="12400000"/)
  assert.match(html, /data-step="prepare" data-status="done"/)
  assert.doesNotMatch(html, /Check the download/)
})
