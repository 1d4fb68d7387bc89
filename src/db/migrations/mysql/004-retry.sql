-- What a retry round may have to send again, by id: few rows, so that no round reads the ledger. A row that is no longer to be
-- sent may stay until the retries end: push_delivery decides.

CREATE TABLE IF NOT EXISTS push_retry (
  announcement_id BIGINT UNSIGNED NOT NULL,
  message_id      BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0: the announcement itself',
  device_id       BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (announcement_id, message_id, device_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- The column is looked up first, because MySQL commits DDL by itself: see 002-guarantee.
SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_hop' AND column_name = 'retries_kept'),
  'DO 0',
  'ALTER TABLE push_hop
     ADD COLUMN retries_kept TINYINT NOT NULL DEFAULT 0 COMMENT ''1: closed, and what it left to retry is in push_retry'',
     ADD KEY push_hop_open (announcement_id, retries_kept, closed_at, canary)');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;
