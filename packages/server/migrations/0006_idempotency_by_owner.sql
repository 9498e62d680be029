-- Up Migration

-- A key is its owner's: two owners of one project may use the same and meet neither each other's session nor a conflict.
DROP INDEX sessions_idempotency;
CREATE UNIQUE INDEX sessions_idempotency ON sessions (project_id, owner, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
