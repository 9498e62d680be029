-- Made by `npm run generate -w packages/server` from the migrations. Do not edit.

CREATE TABLE api_keys (
  id text NOT NULL,
  project_id text NOT NULL,
  kind text NOT NULL DEFAULT 'api'::text,
  name text NOT NULL,
  hash bytea NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  last_used_at timestamp with time zone,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  CONSTRAINT api_keys_hash_key UNIQUE (hash),
  CONSTRAINT api_keys_pkey PRIMARY KEY (id),
  CONSTRAINT api_keys_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE,
  CONSTRAINT api_keys_kind_check CHECK ((kind = ANY (ARRAY['api'::text, 'console'::text])))
);

CREATE TABLE installation (
  name text NOT NULL,
  value jsonb NOT NULL,
  CONSTRAINT installation_pkey PRIMARY KEY (name)
);

CREATE TABLE leases (
  name text NOT NULL,
  holder text,
  epoch bigint NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT leases_pkey PRIMARY KEY (name)
);

CREATE UNLOGGED TABLE login_codes (
  hash bytea NOT NULL,
  project_id text NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT login_codes_pkey PRIMARY KEY (hash)
);

CREATE TABLE projects (
  id text NOT NULL,
  name text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  CONSTRAINT projects_pkey PRIMARY KEY (id)
);

CREATE TABLE runners (
  id text NOT NULL,
  driver text NOT NULL,
  state text NOT NULL,
  address text,
  external_id text,
  session_id text,
  assigned boolean NOT NULL DEFAULT false,
  detail text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  ready_at timestamp with time zone,
  released_at timestamp with time zone,
  ended_at timestamp with time zone,
  policy text NOT NULL,
  CONSTRAINT runners_pkey PRIMARY KEY (id),
  CONSTRAINT runners_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE,
  CONSTRAINT runners_state_check CHECK ((state = ANY (ARRAY['creating'::text, 'blank'::text, 'claimed'::text, 'lingering'::text, 'ended'::text])))
);

CREATE TABLE schema_migrations (
  id integer NOT NULL DEFAULT nextval('schema_migrations_id_seq'::regclass),
  name character varying(255) NOT NULL,
  run_on timestamp without time zone NOT NULL,
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (id)
);

CREATE TABLE session_events (
  seq bigint NOT NULL,
  session_id text NOT NULL,
  project_id text NOT NULL,
  at timestamp with time zone NOT NULL DEFAULT now(),
  type text NOT NULL,
  state text NOT NULL,
  body jsonb NOT NULL,
  CONSTRAINT session_events_pkey PRIMARY KEY (seq),
  CONSTRAINT session_events_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);

CREATE UNLOGGED TABLE session_tokens (
  jti text NOT NULL,
  session_id text NOT NULL,
  role text NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  access_id text,
  CONSTRAINT session_tokens_pkey PRIMARY KEY (jti),
  CONSTRAINT session_tokens_role_check CHECK ((role = ANY (ARRAY['driver'::text, 'observer'::text])))
);

CREATE TABLE sessions (
  id text NOT NULL,
  project_id text NOT NULL,
  owner text NOT NULL,
  template text NOT NULL,
  state text NOT NULL,
  phase jsonb,
  command text NOT NULL,
  args jsonb NOT NULL DEFAULT '[]'::jsonb,
  metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
  columns integer NOT NULL,
  rows integer NOT NULL,
  isolation text NOT NULL,
  lifetime_seconds integer NOT NULL,
  idle_timeout_seconds integer NOT NULL,
  sealed bytea,
  runner_id text,
  attempts integer NOT NULL DEFAULT 0,
  retry_at timestamp with time zone,
  idempotency_key text,
  request_digest bytea,
  created_at timestamp(3) with time zone NOT NULL DEFAULT now(),
  started_at timestamp with time zone,
  ending_at timestamp with time zone,
  ended_at timestamp with time zone,
  expires_at timestamp with time zone NOT NULL,
  end_reason text,
  exit jsonb,
  recording_mode text,
  recording_state text,
  recording_bytes bigint,
  recording_truncated boolean NOT NULL DEFAULT false,
  recording_finished_at timestamp with time zone,
  limits jsonb,
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE,
  CONSTRAINT sessions_check CHECK (((state = 'ended'::text) = (ended_at IS NOT NULL))),
  CONSTRAINT sessions_check1 CHECK (((state <> 'queued'::text) OR (runner_id IS NULL))),
  CONSTRAINT sessions_check2 CHECK (((state <> 'ended'::text) OR ((end_reason IS NOT NULL) AND (exit IS NOT NULL) AND (sealed IS NULL)))),
  CONSTRAINT sessions_check3 CHECK (((recording_mode IS NULL) = (recording_state IS NULL))),
  CONSTRAINT sessions_check4 CHECK (((recording_finished_at IS NOT NULL) = ((recording_state IS NOT NULL) AND (recording_state <> 'recording'::text)))),
  CONSTRAINT sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['exited'::text, 'killed'::text, 'expired'::text, 'idle'::text, 'failed'::text]))),
  CONSTRAINT sessions_recording_mode_check CHECK ((recording_mode = ANY (ARRAY['output'::text, 'output-and-input'::text]))),
  CONSTRAINT sessions_recording_state_check CHECK ((recording_state = ANY (ARRAY['recording'::text, 'stored'::text, 'failed'::text]))),
  CONSTRAINT sessions_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'scheduled'::text, 'pulling'::text, 'assigning'::text, 'fetching'::text, 'verifying'::text, 'starting'::text, 'running'::text, 'ending'::text, 'ended'::text])))
);

CREATE TABLE signing_keys (
  kid text NOT NULL,
  state text NOT NULL,
  public_jwk jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  activated_at timestamp with time zone,
  retired_at timestamp with time zone,
  CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
  CONSTRAINT signing_keys_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'retired'::text])))
);

CREATE INDEX runners_by_session ON cliscale.runners USING btree (session_id);

CREATE INDEX runners_ended ON cliscale.runners USING btree (ended_at) WHERE (state = 'ended'::text);

CREATE INDEX runners_live ON cliscale.runners USING btree (state, ready_at) WHERE (state <> 'ended'::text);

CREATE UNIQUE INDEX runners_one_per_session ON cliscale.runners USING btree (session_id) WHERE (state <> 'ended'::text);

CREATE INDEX session_events_at ON cliscale.session_events USING btree (at);

CREATE INDEX session_events_by_project ON cliscale.session_events USING btree (project_id, seq);

CREATE INDEX session_events_by_session ON cliscale.session_events USING btree (session_id, seq);

CREATE INDEX session_tokens_expiry ON cliscale.session_tokens USING btree (expires_at);

CREATE INDEX sessions_ended ON cliscale.sessions USING btree (ended_at) WHERE (state = 'ended'::text);

CREATE INDEX sessions_expiry ON cliscale.sessions USING btree (expires_at) WHERE (state <> 'ended'::text);

CREATE UNIQUE INDEX sessions_idempotency ON cliscale.sessions USING btree (project_id, owner, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX sessions_list ON cliscale.sessions USING btree (project_id, created_at DESC, id DESC);

CREATE INDEX sessions_live ON cliscale.sessions USING btree (project_id, owner) WHERE (state <> 'ended'::text);

CREATE INDEX sessions_metadata ON cliscale.sessions USING gin (metadata jsonb_path_ops);

CREATE UNIQUE INDEX sessions_one_per_runner ON cliscale.sessions USING btree (runner_id) WHERE ((state <> 'ended'::text) AND (runner_id IS NOT NULL));

CREATE INDEX sessions_recorded ON cliscale.sessions USING btree (recording_finished_at) WHERE (recording_finished_at IS NOT NULL);

CREATE INDEX sessions_recording ON cliscale.sessions USING btree (created_at) WHERE (recording_state = 'recording'::text);

CREATE UNIQUE INDEX signing_keys_one_active ON cliscale.signing_keys USING btree (state) WHERE (state = 'active'::text);

CREATE SEQUENCE schema_migrations_id_seq AS integer;

CREATE SEQUENCE session_event_seq AS bigint;

CREATE OR REPLACE FUNCTION cliscale.announce_access()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('cliscale:' || TG_TABLE_SCHEMA, 'access:' || OLD.id);
  RETURN NULL;
END
$function$
;

CREATE OR REPLACE FUNCTION cliscale.lock_and_count_live(project text, who text, OUT of_project bigint, OUT of_owner bigint)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(project, (4202::bigint << 32) | 'sessions'::regclass::oid::bigint));
  SELECT count(*), count(*) FILTER (WHERE owner = who) INTO of_project, of_owner
    FROM sessions WHERE project_id = project AND state <> 'ended';
END
$function$
;

CREATE OR REPLACE FUNCTION cliscale.number_session_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock((4201::bigint << 32) | TG_RELID::bigint);
  NEW.seq := nextval('session_event_seq');
  PERFORM pg_notify('cliscale:' || TG_TABLE_SCHEMA, NEW.session_id);
  RETURN NEW;
END
$function$
;

CREATE OR REPLACE FUNCTION cliscale.redeem_tokens(jtis text[])
 RETURNS TABLE(jti text, session_id text, role text, expired boolean, access_id text, access_over boolean)
 LANGUAGE plpgsql
 ROWS 10
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH mine AS MATERIALIZED (
    SELECT t.jti FROM session_tokens t WHERE t.jti = ANY (jtis) AND t.expires_at > now() FOR UPDATE SKIP LOCKED
  ), redeemed AS (
    DELETE FROM session_tokens t USING mine WHERE t.jti = mine.jti
    RETURNING t.jti, t.session_id, t.role, t.access_id
  )
  SELECT asked.jti, redeemed.session_id, redeemed.role,
    (SELECT old.expires_at <= now() FROM session_tokens old WHERE old.jti = asked.jti),
    redeemed.access_id,
    redeemed.access_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM api_keys k
      WHERE k.id = redeemed.access_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    )
  FROM unnest(jtis) AS asked (jti)
  LEFT JOIN redeemed ON redeemed.jti = asked.jti;
END
$function$
;

CREATE TRIGGER api_keys_announce AFTER DELETE OR UPDATE OF revoked_at, expires_at ON cliscale.api_keys FOR EACH ROW EXECUTE FUNCTION announce_access();

CREATE TRIGGER session_events_number BEFORE INSERT ON cliscale.session_events FOR EACH ROW EXECUTE FUNCTION number_session_event();
