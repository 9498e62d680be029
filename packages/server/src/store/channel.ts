/** Channel on which the sessions of a schema are announced. The trigger on `session_events` writes it likewise. */
export function channelOf(schema: string): string {
  return `${CHANNEL_PREFIX}${schema}`
}

/** What comes before the schema's name. */
export const CHANNEL_PREFIX = 'cliscale:'

/** How a notification begins that names an access instead of a session. The trigger on `api_keys` writes it likewise. */
export const ACCESS_PREFIX = 'access:'
