/** Channel on which the sessions of a schema are announced. The trigger on `session_events` writes it likewise. */
export function channelOf(schema: string): string {
  return `${CHANNEL_PREFIX}${schema}`
}

/** What comes before the schema's name. */
export const CHANNEL_PREFIX = 'cliscale:'
