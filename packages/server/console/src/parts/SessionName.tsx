import type { SessionInfo } from '@cliscale/sdk/protocol'
import type { JSX } from 'react'
import { lineText, sessionTag, sessionTitle } from './session-name.ts'

/** A session in the middle of a sentence: its name, and the end of its id, since names may be shared. */
export function SessionName({ info }: { readonly info: SessionInfo }): JSX.Element {
  const title = sessionTitle(info)
  return (
    <span title={`${title} (${info.id})`}>
      <strong>
        <bdi>{lineText(title)}</bdi>
      </strong>{' '}
      <span className="session-tag">{sessionTag(info)}</span>
    </span>
  )
}
