-- Up Migration

-- A session that is recorded: null when it is not, or when its recording was deleted. The file's name is the session's id.
-- state: recording (it grows, or is on its way to the storage) -> stored, or failed (bytes null: nothing could be kept).
ALTER TABLE sessions
  ADD COLUMN recording_mode        text CHECK (recording_mode IN ('output', 'output-and-input')),
  ADD COLUMN recording_state       text CHECK (recording_state IN ('recording', 'stored', 'failed')),
  ADD COLUMN recording_bytes       bigint,
  ADD COLUMN recording_truncated   boolean NOT NULL DEFAULT false,
  ADD COLUMN recording_finished_at timestamptz,
  ADD CHECK ((recording_mode IS NULL) = (recording_state IS NULL)),
  ADD CHECK ((recording_finished_at IS NOT NULL) = (recording_state IS NOT NULL AND recording_state <> 'recording'));
CREATE INDEX sessions_recording ON sessions (created_at) WHERE recording_state = 'recording';
CREATE INDEX sessions_recorded ON sessions (recording_finished_at) WHERE recording_finished_at IS NOT NULL;
