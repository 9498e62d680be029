-- Up Migration

-- Uses tokens up; a row for each that was asked for. session_id is null when it was not redeemed here, expired is null
-- when there is no such token. Rows that another statement holds are skipped instead of awaited: whoever holds them
-- redeems them. So batches cannot wait for each other in a circle, and a holder that fails leaves a token that this caller
-- saw as used.
--
-- Its plan is made once for each connection, not anew for each call, which would take longer than the call. It may be made
-- while the table is small and must still be right when it has grown, so it may not read the table as a whole.
CREATE FUNCTION redeem_tokens(jtis text[]) RETURNS TABLE (jti text, session_id text, role text, expired boolean)
LANGUAGE plpgsql ROWS 10
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH mine AS MATERIALIZED (
    SELECT t.jti FROM session_tokens t WHERE t.jti = ANY (jtis) AND t.expires_at > now() FOR UPDATE SKIP LOCKED
  ), redeemed AS (
    DELETE FROM session_tokens t USING mine WHERE t.jti = mine.jti RETURNING t.jti, t.session_id, t.role
  )
  SELECT asked.jti, redeemed.session_id, redeemed.role,
    (SELECT old.expires_at <= now() FROM session_tokens old WHERE old.jti = asked.jti)
  FROM unnest(jtis) AS asked (jti)
  LEFT JOIN redeemed ON redeemed.jti = asked.jti;
END
$$;
