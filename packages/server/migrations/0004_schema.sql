-- Up Migration

-- Channel and locks are those of the schema: another installation in the same database has its own.
CREATE OR REPLACE FUNCTION number_session_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock((4201::bigint << 32) | TG_RELID::bigint);
  NEW.seq := nextval('session_event_seq');
  PERFORM pg_notify('cliscale:' || TG_TABLE_SCHEMA, NEW.session_id);
  RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION lock_and_count_live(project text, who text, OUT of_project bigint, OUT of_owner bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(project, (4202::bigint << 32) | 'sessions'::regclass::oid::bigint));
  SELECT count(*), count(*) FILTER (WHERE owner = who) INTO of_project, of_owner
    FROM sessions WHERE project_id = project AND state <> 'ended';
END
$$;
