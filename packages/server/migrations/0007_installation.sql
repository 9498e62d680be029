-- Up Migration

-- What all processes of one installation must have in common and cannot see of each other, told by the controller.
-- runners: {key: digest of the runner key, mark: content of a file in the folder of runners' sockets or null}
CREATE TABLE installation (
  name   text PRIMARY KEY,
  value  jsonb NOT NULL
);
