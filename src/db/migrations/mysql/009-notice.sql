-- What Baton hears and finds before it breaks a broadcast: retirements, checks on a schedule, canary phones, and receipts.
-- Views of a team's own stay as they are: see 002, also for why the columns are looked up first.
SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_device' AND column_name = 'is_canary')
  OR NOT EXISTS (
    SELECT 1 FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name = 'push_device' AND table_type = 'BASE TABLE'),
  'DO 0',
  'ALTER TABLE push_device
     ADD COLUMN is_canary TINYINT NOT NULL DEFAULT 0 COMMENT ''1: a phone of the team that answers silent pushes'',
     ADD KEY push_device_canary (is_canary),
     ADD KEY push_device_kind (target_kind),
     ADD KEY push_device_version (app_version)');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;

CREATE TABLE IF NOT EXISTS push_check (
  name       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'doctor, radar, canary, or one of them and an announcement',
  started_at DATETIME(3) NOT NULL,
  ended_at   DATETIME(3) NULL,
  ok         TINYINT NULL COMMENT '0: it has found something red'
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_notice (
  notice_id  BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  check_name VARCHAR(16) NOT NULL COMMENT 'doctor, radar or canary',
  name       VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what it is about',
  level      VARCHAR(8) NOT NULL COMMENT 'amber or red',
  content    TEXT NOT NULL COMMENT 'a JSON object: what was found, what to do, by when, and the source',
  found_at   DATETIME(3) NOT NULL,
  seen_at    DATETIME(3) NOT NULL COMMENT 'when it was found last; a row that is not found again is deleted',
  UNIQUE KEY push_notice_name (check_name, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_signal (
  day     DATE NOT NULL,
  kind    VARCHAR(16) NOT NULL COMMENT 'what was observed: see model/signal.ts',
  source  VARCHAR(64) NOT NULL,
  name    VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  value   TEXT NOT NULL COMMENT 'the latest of that day',
  times   BIGINT UNSIGNED NOT NULL DEFAULT 1,
  seen_at DATETIME(3) NOT NULL,
  PRIMARY KEY (kind, source, name, day)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_canary (
  round       VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the day, or the announcement that comes next',
  device_id   BIGINT UNSIGNED NOT NULL,
  sent_at     DATETIME(3) NOT NULL,
  verdict     VARCHAR(16) NULL COMMENT 'of FCM; NULL: not known',
  reason      VARCHAR(100) NULL,
  answered_at DATETIME(3) NULL COMMENT 'when the receipt of the phone arrived',
  PRIMARY KEY (round, device_id),
  KEY push_canary_sent (sent_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_receipt (
  announcement_id BIGINT UNSIGNED NOT NULL,
  message_id      BIGINT UNSIGNED NOT NULL DEFAULT 0,
  device_id       BIGINT UNSIGNED NOT NULL,
  event           VARCHAR(16) NOT NULL COMMENT 'delivered or opened, as the phone says',
  received_at     DATETIME(3) NOT NULL,
  PRIMARY KEY (announcement_id, message_id, device_id, event)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_receipt_count (
  announcement_id BIGINT UNSIGNED NOT NULL,
  event           VARCHAR(16) NOT NULL,
  receipts        BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (announcement_id, event)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
