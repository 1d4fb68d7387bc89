-- Alerts, one row for each channel, and what the tick remembers of running announcements.

CREATE TABLE IF NOT EXISTS push_alert (
  alert_id        BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  announcement_id BIGINT UNSIGNED NOT NULL,
  kind            VARCHAR(16) NOT NULL,
  cause           BIGINT UNSIGNED NOT NULL COMMENT 'the line of push_audit that it is about; 0: none',
  channel         VARCHAR(16) NOT NULL COMMENT 'webhook or sns',
  content         TEXT NOT NULL COMMENT 'a JSON object; every attempt sends the same',
  made_at         DATETIME(3) NOT NULL,
  attempts        INT UNSIGNED NOT NULL DEFAULT 0,
  due_at          DATETIME(3) NOT NULL COMMENT 'of the next attempt; while one is under way, when it counts as dead',
  closed_at       DATETIME(3) NULL COMMENT 'when it was sent, or given up',
  UNIQUE KEY push_alert_once (announcement_id, kind, cause, channel),
  KEY push_alert_due (closed_at, due_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_watch (
  announcement_id BIGINT UNSIGNED NOT NULL PRIMARY KEY COMMENT '0: push_audit, which is looked through up to looked_at',
  progress        VARCHAR(200) NOT NULL COMMENT 'stands for what was done until then',
  changed_at      DATETIME(3) NOT NULL COMMENT 'when the progress changed, or there was something to wait for',
  held_ms         BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'for how long the source was held up, in all',
  looked_at       DATETIME(3) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
