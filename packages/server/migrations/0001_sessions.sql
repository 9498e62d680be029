-- Up Migration

CREATE TABLE projects (
  id          text PRIMARY KEY,
  name        text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- kind 'api': a key for programs. kind 'console': a browser's sign-in, sent as a cookie.
CREATE TABLE api_keys (
  id           text PRIMARY KEY,
  project_id   text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  kind         text NOT NULL DEFAULT 'api' CHECK (kind IN ('api', 'console')),
  name         text NOT NULL,
  hash         bytea NOT NULL UNIQUE,
  scopes       text[] NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  expires_at   timestamptz,
  revoked_at   timestamptz
);

-- One-time codes that a printed console link carries. Lost in a crash, which only asks for a new link.
CREATE UNLOGGED TABLE login_codes (
  hash        bytea PRIMARY KEY,
  project_id  text NOT NULL,
  expires_at  timestamptz NOT NULL
);

-- Public halves. The private ones never reach the database.
CREATE TABLE signing_keys (
  kid          text PRIMARY KEY,
  state        text NOT NULL CHECK (state IN ('pending', 'active', 'retired')),
  public_jwk   jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  activated_at timestamptz,
  retired_at   timestamptz
);
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (state) WHERE state = 'active';

CREATE TABLE sessions (
  id                   text PRIMARY KEY,
  project_id           text NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  owner                text NOT NULL,
  template             text NOT NULL,
  state                text NOT NULL CHECK (state IN ('queued', 'scheduled', 'pulling', 'assigning', 'fetching',
                                                      'verifying', 'starting', 'running', 'ending', 'ended')),
  phase                jsonb,
  command              text NOT NULL,
  args                 jsonb NOT NULL DEFAULT '[]',
  metadata             jsonb NOT NULL DEFAULT '{}',
  columns              integer NOT NULL,
  rows                 integer NOT NULL,
  isolation            text NOT NULL,
  lifetime_seconds     integer NOT NULL,
  idle_timeout_seconds integer NOT NULL,
  -- The assignment, sealed; erased when the runner has it.
  sealed               bytea,
  runner_id            text,
  -- Runners tried so far.
  attempts             integer NOT NULL DEFAULT 0,
  -- A queued session gets no other runner before this time.
  retry_at             timestamptz,
  idempotency_key      text,
  request_digest       bytea,
  -- Whole milliseconds, so that a page's cursor names the exact row.
  created_at           timestamptz(3) NOT NULL DEFAULT now(),
  started_at           timestamptz,
  -- When the command was told to end.
  ending_at            timestamptz,
  ended_at             timestamptz,
  expires_at           timestamptz NOT NULL,
  end_reason           text CHECK (end_reason IN ('exited', 'killed', 'expired', 'idle', 'failed')),
  exit                 jsonb,
  CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
  CHECK (state <> 'queued' OR runner_id IS NULL),
  CHECK (state <> 'ended' OR (end_reason IS NOT NULL AND exit IS NOT NULL AND sealed IS NULL))
);
CREATE UNIQUE INDEX sessions_idempotency ON sessions (project_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX sessions_list ON sessions (project_id, created_at DESC, id DESC);
CREATE INDEX sessions_live ON sessions (project_id, owner) WHERE state <> 'ended';
CREATE UNIQUE INDEX sessions_one_per_runner ON sessions (runner_id) WHERE state <> 'ended' AND runner_id IS NOT NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at) WHERE state <> 'ended';
CREATE INDEX sessions_metadata ON sessions USING gin (metadata jsonb_path_ops);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE state = 'ended';

-- Written before a driver creates anything. state: creating (asked for, maybe for a session already) -> blank (up,
-- nothing to do) or claimed (up, has a session, maybe not assigned yet) -> lingering (its command ended) -> ended.
CREATE TABLE runners (
  id          text PRIMARY KEY,
  driver      text NOT NULL,
  state       text NOT NULL CHECK (state IN ('creating', 'blank', 'claimed', 'lingering', 'ended')),
  address     text,
  external_id text,
  session_id  text REFERENCES sessions (id) ON DELETE CASCADE,
  -- True once the runner has accepted the session's assignment: only then may a gateway dial it.
  assigned    boolean NOT NULL DEFAULT false,
  detail      text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  ready_at    timestamptz,
  -- When its command ended and it began to linger.
  released_at timestamptz,
  ended_at    timestamptz
);
CREATE INDEX runners_live ON runners (state, ready_at) WHERE state <> 'ended';
CREATE INDEX runners_by_session ON runners (session_id);
CREATE UNIQUE INDEX runners_one_per_session ON runners (session_id) WHERE state <> 'ended';
CREATE INDEX runners_ended ON runners (ended_at) WHERE state = 'ended';

-- The history of every session. seq grows in commit order (see ARCHITECTURE.md).
CREATE SEQUENCE session_event_seq;
CREATE TABLE session_events (
  seq         bigint PRIMARY KEY,
  session_id  text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  project_id  text NOT NULL,
  at          timestamptz NOT NULL DEFAULT now(),
  type        text NOT NULL,
  state       text NOT NULL,
  body        jsonb NOT NULL
);
CREATE INDEX session_events_by_session ON session_events (session_id, seq);
CREATE INDEX session_events_by_project ON session_events (project_id, seq);
CREATE INDEX session_events_at ON session_events (at);

-- Numbers and announces every event. The lock is held until the commit, so numbers become visible in their order and a
-- reader that has seen n never misses a smaller one. Commits that notify wait for each other anyway.
CREATE FUNCTION number_session_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(4201, 1);
  NEW.seq := nextval('session_event_seq');
  PERFORM pg_notify('cliscale_events', NEW.session_id);
  RETURN NEW;
END
$$;
CREATE TRIGGER session_events_number BEFORE INSERT ON session_events
  FOR EACH ROW EXECUTE FUNCTION number_session_event();

-- How many sessions are live. Creates of one project that ask wait for each other, so a limit cannot be passed by two
-- at once; each query in a volatile function sees what was committed while it waited.
CREATE FUNCTION lock_and_count_live(project text, who text, OUT of_project bigint, OUT of_owner bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(4202, hashtext(project));
  SELECT count(*), count(*) FILTER (WHERE owner = who) INTO of_project, of_owner
    FROM sessions WHERE project_id = project AND state <> 'ended';
END
$$;

-- The allow-list of tokens that were minted and not yet redeemed.
CREATE UNLOGGED TABLE session_tokens (
  jti         text PRIMARY KEY,
  session_id  text NOT NULL,
  role        text NOT NULL CHECK (role IN ('driver', 'observer')),
  expires_at  timestamptz NOT NULL
);
CREATE INDEX session_tokens_expiry ON session_tokens (expires_at);

-- epoch fences: every write of a holder names the epoch under which it holds.
CREATE TABLE leases (
  name        text PRIMARY KEY,
  holder      text,
  epoch       bigint NOT NULL,
  expires_at  timestamptz NOT NULL
);
