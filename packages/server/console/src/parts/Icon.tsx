import type { JSX } from 'react'

const PATHS = {
  plus: 'M12 5v14M5 12h14',
  panel: 'M3 5h18v14H3zM9 5v14',
  share: 'M16 6l-4-4-4 4M12 2v13M5 12v7a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-7',
  stop: 'M6 6h12v12H6z',
  close: 'M6 6l12 12M18 6L6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 13l4 4L19 7',
  sun: 'M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2-1.4-1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0z',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z',
  system: 'M3 5h18v11H3zM8 20h8m-4-4v4',
  restart: 'M20 12a8 8 0 1 1-2.5-5.8L20 8.5M20 3v5.5h-5.5',
  play: 'M8 5l11 7-11 7z',
  download: 'M12 3v12m-5-5 5 5 5-5M5 20h14',
  trash: 'M4 7h16M9 7V4h6v3m-8 0 1 13h8l1-13',
  leave: 'M15 4h4v16h-4M10 8l-4 4 4 4m-4-4h10',
} as const

/** Name of a drawn icon. */
export type IconName = keyof typeof PATHS

/** A line icon in the colour of its text; the control that holds it carries the words. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg className="icon-glyph" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
