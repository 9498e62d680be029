import type { SessionInfo } from '@cliscale/sdk/protocol'

/** Characters of a name or command that are shown where there is room for one line. The rest stands in its title. */
const LINE = 120

/** Most characters of one text anywhere in the console: a command line may be a quarter of a megabyte. */
const WHOLE = 1_000

/** Characters at the end of an id that tell sessions apart. They are random: two of 10,000 sessions share them with a chance of 1 in 1,000. */
const TAG = 6

/** Joins letters of some scripts and parts of emoji; of all that is invisible only these say something. */
const JOINS = new Set(['\u200C', '\u200D', '\uFE0F'])

/** Blank although no space: the empty Braille pattern. */
const BLANK = /[\s\u2800]+/gu

/**
 * Text from strangers as one line that shows all that it holds: without control characters, those that turn the
 * direction of what follows, and those that nobody sees.
 */
export function plainText(text: string): string {
  return cut(text, WHOLE)
    .replaceAll(BLANK, ' ')
    .replaceAll(/[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cs}]/gu, (one) =>
      JOINS.has(one) ? one : '',
    )
    .replaceAll(/ {2,}/gu, ' ')
    .trim()
}

/** The start of a text, for a line; three dots say that there is more. */
export function lineText(text: string): string {
  return cut(text, LINE)
}

/** Cuts between characters, so that none is halved. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text
  const high = text.charCodeAt(most - 1)
  return `${text.slice(0, high >= 0xd8_00 && high <= 0xdb_ff ? most - 1 : most)}…`
}

/** The name that a session was given; undefined when it has none that anyone can see. */
export function givenName({ metadata }: Pick<SessionInfo, 'metadata'>): string | undefined {
  const name = plainText(metadata.name ?? '')
  const shown = Array.from(name).some((one) => !JOINS.has(one) && !/\p{M}/u.test(one))
  return shown ? name : undefined
}

/** What a session is called: its own name, else what it runs. Two may share it: {@link sessionTag} tells them apart. */
export function sessionTitle(session: SessionInfo): string {
  return givenName(session) ?? commandLine(session)
}

/** The end of a session's id. */
export function sessionTag({ id }: Pick<SessionInfo, 'id'>): string {
  return id.slice(-TAG)
}

/** Command and arguments as one would type them, on one line. */
export function commandLine({ command, args }: Pick<SessionInfo, 'command' | 'args'>): string {
  let line = command.slice(command.lastIndexOf('/') + 1)
  for (const word of args) {
    if (line.length > WHOLE) break
    line += ` ${word}`
  }
  return plainText(line) || 'command without a name'
}
