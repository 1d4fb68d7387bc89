-- What each hop has done, in its own row; whom an announcement is for; and who changed what.
-- The columns are looked up first, because MySQL commits DDL by itself: see 002.
SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_hop' AND column_name = 'batches'),
  'DO 0',
  'ALTER TABLE push_hop
     ADD COLUMN claimed_at    DATETIME(3) NULL COMMENT ''when an invocation began it first'',
     ADD COLUMN opened_at     DATETIME(3) NULL COMMENT ''when its slot in the budget opened, and sending began'',
     ADD COLUMN woken         INT UNSIGNED NOT NULL DEFAULT 0 COMMENT ''how often the tick has woken it'',
     ADD COLUMN taken_over    INT UNSIGNED NOT NULL DEFAULT 0 COMMENT ''how often its lease had run out at a claim'',
     ADD COLUMN given_back    INT UNSIGNED NOT NULL DEFAULT 0 COMMENT ''how often an invocation gave it back unfinished'',
     ADD COLUMN back_reason   TEXT NULL COMMENT ''why it was given back last'',
     ADD COLUMN devices       BIGINT UNSIGNED NULL COMMENT ''pushes of its page; NULL: not read yet, or by an earlier release'',
     ADD COLUMN delivered     BIGINT NOT NULL DEFAULT 0,
     ADD COLUMN unregistered  BIGINT NOT NULL DEFAULT 0,
     ADD COLUMN rejected      BIGINT NOT NULL DEFAULT 0,
     ADD COLUMN retryable     BIGINT NOT NULL DEFAULT 0 COMMENT ''below 0 in a retry round, as the next one'',
     ADD COLUMN unknown       BIGINT NOT NULL DEFAULT 0,
     ADD COLUMN misconfigured BIGINT NOT NULL DEFAULT 0,
     ADD COLUMN unsent        BIGINT NOT NULL DEFAULT 0,
     ADD COLUMN batches       INT UNSIGNED NOT NULL DEFAULT 0 COMMENT ''number of the batch that was counted last'',
     ADD COLUMN work          TEXT NULL COMMENT ''a JSON object: times, answer times, reasons''');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;

CREATE TABLE IF NOT EXISTS push_audience (
  announcement_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  devices         BIGINT UNSIGNED NOT NULL COMMENT 'pushes that the announcement is for, when it started',
  last_id         BIGINT UNSIGNED NULL COMMENT 'the last device that is read; NULL: a mailing',
  counted_at      DATETIME(3) NOT NULL,
  pruned_at       DATETIME(3) NULL COMMENT 'since when its deliveries are deleted'
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_audit (
  audit_id        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  at              DATETIME(3) NOT NULL,
  announcement_id BIGINT UNSIGNED NULL COMMENT 'NULL: it is about a source',
  source          VARCHAR(64) NULL,
  actor           VARCHAR(200) NOT NULL COMMENT 'who: api:NAME, cli:NAME, schedule, event, baton',
  action          VARCHAR(32) NOT NULL,
  was             VARCHAR(16) NULL COMMENT 'the status before',
  became          VARCHAR(16) NULL COMMENT 'the status since',
  why             TEXT NULL,
  KEY push_audit_announcement (announcement_id, audit_id),
  KEY push_audit_at (at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
