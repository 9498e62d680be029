import { type ApiKeys, apiKeysOf } from './api-keys.ts'
import type { Database } from './database.ts'
import { type Events, eventsOf } from './events.ts'
import { type Installation, installationOf } from './installation.ts'
import { type Leases, leasesOf } from './leases.ts'
import { type LoginCodes, loginCodesOf } from './login-codes.ts'
import { type Projects, projectsOf } from './projects.ts'
import { prune, type Pruned, type Retention } from './prune.ts'
import { type Recordings, recordingsOf } from './recordings.ts'
import type { RunnerRecord } from './runner-row.ts'
import { liveRunners, type Runners, runnersOf } from './runners.ts'
import { liveSessions, type LiveSession, type Sessions, sessionsOf } from './sessions.ts'
import { type SigningKeys, signingKeysOf } from './signing-keys.ts'
import { type Tokens, tokensOf } from './tokens.ts'

/** Every query of the server, by table. A call is one statement unless its comment says otherwise. */
export interface Store {
  readonly projects: Projects
  readonly apiKeys: ApiKeys
  readonly loginCodes: LoginCodes
  readonly signingKeys: SigningKeys
  readonly sessions: Sessions
  readonly runners: Runners
  readonly events: Events
  readonly tokens: Tokens
  readonly leases: Leases
  readonly recordings: Recordings
  readonly installation: Installation
  /**
   * Live sessions and runners as they were at one moment. Read apart, a runner that was claimed in between would seem
   * to have no session.
   */
  live(): Promise<{ readonly sessions: readonly LiveSession[]; readonly runners: readonly RunnerRecord[] }>
  /** Deletes what is over, at most one batch of each kind. */
  prune(retention?: Retention): Promise<Pruned>
}

/** Binds the queries to a pool. */
export function createStore(database: Database): Store {
  return {
    projects: projectsOf(database),
    apiKeys: apiKeysOf(database),
    loginCodes: loginCodesOf(database),
    signingKeys: signingKeysOf(database),
    sessions: sessionsOf(database),
    runners: runnersOf(database),
    events: eventsOf(database),
    tokens: tokensOf(database),
    leases: leasesOf(database),
    recordings: recordingsOf(database),
    installation: installationOf(database),
    live: () =>
      database.snapshot(async (moment) => ({
        sessions: await liveSessions(moment),
        runners: await liveRunners(moment),
      })),
    prune: (retention) => prune(database, retention),
  }
}
