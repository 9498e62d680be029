-- Up Migration

-- The access (a row of api_keys: a key, or a browser's sign-in) through which a token was minted. Null for credentials
-- that are not kept here. There is no foreign key: it would cost every mint a look, and redeeming looks anyway.
ALTER TABLE session_tokens ADD COLUMN access_id text;

-- Says who came through an access that it may be over. A hint, as those of events: the row tells.
CREATE FUNCTION announce_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('cliscale:' || TG_TABLE_SCHEMA, 'access:' || OLD.id);
  RETURN NULL;
END
$$;
CREATE TRIGGER api_keys_announce AFTER DELETE OR UPDATE OF revoked_at, expires_at ON api_keys
  FOR EACH ROW EXECUTE FUNCTION announce_access();

-- As before (0003), and a token whose access is over is used up and opens nothing. That is judged here and not by
-- deleting tokens when an access ends: a token that is being minted at that moment must be worth nothing too.
DROP FUNCTION redeem_tokens(text[]);
CREATE FUNCTION redeem_tokens(jtis text[])
RETURNS TABLE (jti text, session_id text, role text, expired boolean, access_id text, access_over boolean)
LANGUAGE plpgsql ROWS 10
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
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
$$;
