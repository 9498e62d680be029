import type { SessionInfo } from '@cliscale/sdk/protocol'
import { type DOMAttributes, useEffect, useRef, useState } from 'react'

/** How long a list stays held after the pointer left it: a tap's click comes after its finger is gone. */
const RELEASE_AFTER_MS = 500

/** A session as it is shown in the list. */
export interface ListedSession {
  readonly session: SessionInfo
  /** It belongs here no more: it was deleted, or no longer matches. */
  readonly gone: boolean
}

/** The groups of the list, each newest first. */
export interface ListGroups {
  readonly live: readonly ListedSession[]
  readonly ended: readonly ListedSession[]
  /** Sessions that are not shown yet because others would have to make room. */
  readonly waiting: number
}

/** Where each session belongs. */
export function groupSessions(sessions: readonly SessionInfo[]): ListGroups {
  const listed = (ended: boolean): ListedSession[] =>
    sessions.filter(({ state }) => (state === 'ended') === ended).map((session) => ({ session, gone: false }))
  return { live: listed(false), ended: listed(true), waiting: 0 }
}

/** What there is for a list. */
export interface ListContent {
  /** What belongs in it now, newest first. */
  readonly sessions: readonly SessionInfo[]
  /** All that is known of sessions, also of those that no longer belong in it. */
  readonly known: readonly SessionInfo[]
}

/**
 * The sessions as they are now, in the places that they had: nobody moves. What is new and older than all that is held
 * comes behind it; the rest waits.
 */
export function holdPlaces(held: ListGroups, { sessions, known }: ListContent): ListGroups {
  const here = new Set(sessions.map(({ id }) => id))
  const now = new Map([...known, ...sessions].map((session) => [session.id, session]))
  const places = new Set([...held.live, ...held.ended].map(({ session }) => session.id))
  const stay = (listed: readonly ListedSession[]): ListedSession[] =>
    listed.map(({ session }) => ({ session: now.get(session.id) ?? session, gone: !here.has(session.id) }))
  const added = groupSessions(sessions.filter(({ id }) => !places.has(id)))
  const behind = (listed: readonly ListedSession[], more: readonly ListedSession[]): ListedSession[] => {
    const last = listed.at(-1)?.session.createdAt
    return more.filter(({ session }) => last === undefined || session.createdAt < last)
  }
  // Behind the live ones is room only where nothing follows.
  const live = held.ended.length > 0 ? [] : behind(held.live, added.live)
  const ended = behind(held.ended, added.ended)
  return {
    live: [...stay(held.live), ...live],
    ended: [...stay(held.ended), ...ended],
    waiting: added.live.length + added.ended.length - live.length - ended.length,
  }
}

/** What a list must tell, so that it is known when someone aims at it. */
export type HoldEvents = Pick<
  DOMAttributes<HTMLElement>,
  'onPointerEnter' | 'onPointerLeave' | 'onFocus' | 'onBlur'
>

/**
 * The groups of the list. While the pointer or the keyboard's focus is in it everything keeps its place, so that nobody
 * opens another session than the one that was aimed at.
 *
 * @param content `asked` names what the person asked for; when it changes, all that is there is shown.
 */
export function useSteadyList(content: ListContent & { readonly asked: string }): {
  readonly groups: ListGroups
  readonly events: HoldEvents
} {
  const { sessions, asked } = content
  const { held, events } = useHold()
  const [places, setPlaces] = useState<{ readonly asked: string; readonly groups: ListGroups }>()
  const fresh = groupSessions(sessions)
  if (!held && places !== undefined) setPlaces(undefined)
  if (held && places?.asked !== asked) setPlaces({ asked, groups: fresh })
  const holds = held && places?.asked === asked
  return { groups: holds ? holdPlaces(places.groups, content) : fresh, events }
}

function useHold(): { readonly held: boolean; readonly events: HoldEvents } {
  const [held, setHeld] = useState(false)
  const by = useRef({ pointer: false, focus: false })
  const release = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(release.current), [])
  const set = (what: 'pointer' | 'focus', on: boolean): void => {
    by.current[what] = on
    clearTimeout(release.current)
    if (by.current.pointer || by.current.focus) setHeld(true)
    else release.current = setTimeout(() => setHeld(false), RELEASE_AFTER_MS)
  }
  return {
    held,
    events: {
      onPointerEnter: () => set('pointer', true),
      onPointerLeave: () => set('pointer', false),
      // Focus that a click left behind aims at nothing.
      onFocus: ({ target }) => set('focus', target.matches(':focus-visible')),
      onBlur: () => set('focus', false),
    },
  }
}
