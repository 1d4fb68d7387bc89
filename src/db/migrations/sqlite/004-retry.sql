-- What a retry round may have to send again, by id: few rows, so that no round reads the ledger. A row that is no longer to be
-- sent may stay until the retries end: push_delivery decides.

CREATE TABLE push_retry (
  announcement_id INTEGER NOT NULL,
  message_id      INTEGER NOT NULL DEFAULT 0, -- 0: the announcement itself
  device_id       INTEGER NOT NULL,
  PRIMARY KEY (announcement_id, message_id, device_id)
) STRICT, WITHOUT ROWID;

-- 1: closed, and what it left to retry is in push_retry
ALTER TABLE push_hop ADD COLUMN retries_kept INTEGER NOT NULL DEFAULT 0;

CREATE INDEX push_hop_open ON push_hop (announcement_id, retries_kept, closed_at, canary);
