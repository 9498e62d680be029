/** Where tables go when nobody says otherwise. */
export const DEFAULT_SCHEMA = 'cliscale'

/** Longest name of a schema: with a prefix it is a channel's name, which PostgreSQL bounds. */
export const LONGEST_SCHEMA = 48

/** Names that mean something else to PostgreSQL, or to everybody. */
const TAKEN = /^(pg_.*|public|information_schema)$/

/** True for the name of a schema that can be the server's own. */
export function isSchemaName(text: string): boolean {
  return text.length <= LONGEST_SCHEMA && /^[a-z_][a-z0-9_]*$/.test(text) && !TAKEN.test(text)
}
