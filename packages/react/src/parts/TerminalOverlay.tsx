import type { JSX } from 'react'
import type { TerminalController } from '../core/terminal-controller.ts'
import type { TerminalSnapshot } from '../core/terminal-snapshot.ts'
import { useOnline } from '../hooks/useOnline.ts'
import { SessionProgress } from '../SessionProgress.tsx'
import { FailureCard } from './Endings.tsx'
import { CopyQuestion, PasteQuestion, ReconnectingNotice } from './Notices.tsx'

interface TerminalOverlayProps {
  readonly snapshot: TerminalSnapshot
  readonly controller: TerminalController
  readonly progressTitle: string | undefined
  readonly onRestart: (() => void) | undefined
}

/** What lies over the screen: the start before the shell is there, failures, and short notices. */
export function TerminalOverlay(props: TerminalOverlayProps): JSX.Element {
  const { snapshot, controller, progressTitle, onRestart } = props
  return (
    <>
      {isStarting(snapshot) && (
        <div className="cliscale-veil" data-veil="start">
          {snapshot.error === null ? (
            <SessionProgress
              phase={snapshot.phase}
              {...(progressTitle === undefined ? {} : { title: progressTitle })}
            />
          ) : (
            <FailureCard
              title="Not connected yet, trying again"
              code={snapshot.error.code}
              message={snapshot.error.message}
              hint={snapshot.error.hint}
            />
          )}
        </div>
      )}
      <Failure snapshot={snapshot} controller={controller} onRestart={onRestart} />
      <Notices snapshot={snapshot} controller={controller} />
      {snapshot.linkTarget !== null && <div className="cliscale-link-target">{snapshot.linkTarget}</div>}
    </>
  )
}

function isStarting({ state, wasReady, exit }: TerminalSnapshot): boolean {
  if (wasReady || exit !== null) return false
  return state !== 'failed' && state !== 'closed' && state !== 'exited'
}

interface PartProps {
  readonly snapshot: TerminalSnapshot
  readonly controller: TerminalController
}

function Failure(props: PartProps & { readonly onRestart: (() => void) | undefined }): JSX.Element | null {
  const { snapshot, controller, onRestart } = props
  const { state, wasReady, exit, error } = snapshot
  const restart = onRestart === undefined ? {} : { onAction: onRestart, actionLabel: 'Start again' }
  if (exit?.failure !== undefined && !wasReady) {
    const { code, message, hint } = exit.failure
    return (
      <div className="cliscale-veil" data-veil="failed">
        <FailureCard
          title="The session did not start"
          code={code}
          message={message}
          hint={hint}
          {...restart}
        />
      </div>
    )
  }
  if (state !== 'failed' || error === null) return null
  return (
    <div className="cliscale-veil" data-veil="failed">
      <FailureCard
        title={wasReady ? 'The connection is lost' : 'No connection to the session'}
        code={error.code}
        message={error.message}
        hint={error.hint}
        requestId={error.requestId}
        onAction={() => controller.reconnect()}
      />
    </div>
  )
}

function Notices({ snapshot, controller }: PartProps): JSX.Element {
  const { state, wasReady, pendingPaste, pendingCopy } = snapshot
  const online = useOnline()
  const reconnecting = wasReady && (state === 'reconnecting' || state === 'resuming' || state === 'unstable')
  return (
    <>
      {reconnecting && <ReconnectingNotice offline={!online} />}
      {pendingPaste !== null && (
        <PasteQuestion request={pendingPaste} onAnswer={(yes) => controller.answerPaste(yes)} />
      )}
      {pendingPaste === null && pendingCopy !== null && (
        <CopyQuestion text={pendingCopy} onAnswer={(yes) => controller.answerCopy(yes)} />
      )}
    </>
  )
}
