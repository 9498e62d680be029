-- Up Migration

-- Everything that shaped a runner before it had a session, by a short name. A session gets a blank runner of the present
-- policy only; runners of releases that noted none are of no policy that there is.
ALTER TABLE runners ADD COLUMN policy text NOT NULL DEFAULT '';
ALTER TABLE runners ALTER COLUMN policy DROP DEFAULT;

-- What holds a session to which limit, as its runner found out; null until it runs.
ALTER TABLE sessions ADD COLUMN limits jsonb;
