-- All times are UTC. Targets are case-sensitive, so they are compared byte by byte.

CREATE TABLE IF NOT EXISTS push_announcement (
  announcement_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  title           TEXT NOT NULL,
  body            TEXT NOT NULL,
  image           TEXT NULL,
  data            TEXT NOT NULL DEFAULT ('{}') COMMENT 'a JSON object of strings',
  options         TEXT NOT NULL DEFAULT ('{}') COMMENT 'a JSON object: link, sound, badge, ...',
  source          VARCHAR(64) NOT NULL DEFAULT 'default',
  promise         VARCHAR(16) NOT NULL DEFAULT 'at-least-once',
  ttl_seconds     INT UNSIGNED NULL COMMENT 'how long a push is worth anything; NULL: 4 weeks, as FCM has it',
  dry_run         TINYINT NOT NULL DEFAULT 0,
  lanes           INT UNSIGNED NOT NULL DEFAULT 1 COMMENT 'chains of hops side by side',
  accept_unregistered TINYINT NOT NULL DEFAULT 0 COMMENT '1: a chunk that is nearly all unregistered is believed',
  audience        VARCHAR(16) NOT NULL DEFAULT 'devices' COMMENT 'devices, or messages: a run of push_message rows',
  status          VARCHAR(16) NOT NULL DEFAULT 'draft',
  status_reason   TEXT NULL,
  publish_at      DATETIME(3) NULL COMMENT 'when a scheduled announcement starts',
  idempotency_key VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'one announcement for each',
  created_at      DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
  started_at      DATETIME(3) NULL,
  finished_at     DATETIME(3) NULL,
  KEY push_announcement_status (status, publish_at),
  UNIQUE KEY push_announcement_key (idempotency_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_device (
  device_id   BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  target      VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  target_kind VARCHAR(8) NOT NULL DEFAULT 'token',
  member_id   VARCHAR(64) COLLATE utf8mb4_bin NULL COMMENT 'whose it is, for messages to a member',
  created_at  DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
  unregistered_at     DATETIME(3) NULL COMMENT 'since when FCM says that the app is gone; NULL: it is pushed to',
  unregistered_reason VARCHAR(100) NULL COMMENT 'in the words of FCM',
  unregistered_by     BIGINT UNSIGNED NULL COMMENT 'the announcement that found out',
  UNIQUE KEY push_device_target (target),
  KEY push_device_member (member_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_message (
  message_id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  message_key     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'the sender''s own: no two are alike',
  announcement_id BIGINT UNSIGNED NULL COMMENT 'its run; NULL: not due yet; 0: sent at once, in no run',
  source          VARCHAR(64) NOT NULL DEFAULT 'default',
  device_id       BIGINT UNSIGNED NULL,
  member_id       VARCHAR(64) COLLATE utf8mb4_bin NULL COMMENT 'all devices of the member',
  title           TEXT NOT NULL,
  body            TEXT NOT NULL,
  image           TEXT NULL,
  data            TEXT NOT NULL DEFAULT ('{}') COMMENT 'a JSON object of strings',
  options         TEXT NOT NULL DEFAULT ('{}') COMMENT 'a JSON object: link, sound, badge, ...',
  ttl_seconds     INT UNSIGNED NULL COMMENT 'how long it is worth anything; NULL: 4 weeks, as FCM has it',
  publish_at      DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
  created_at      DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
  owner           VARCHAR(100) NULL COMMENT 'who sends it at once',
  leased_until    DATETIME(3) NULL COMMENT 'until when nobody else may',
  UNIQUE KEY push_message_key (message_key),
  KEY push_message_run (announcement_id, message_id),
  KEY push_message_due (announcement_id, source, publish_at),
  CONSTRAINT push_message_recipient CHECK ((device_id IS NULL) <> (member_id IS NULL))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_hop (
  announcement_id BIGINT UNSIGNED NOT NULL,
  round           INT UNSIGNED NOT NULL,
  from_id  BIGINT UNSIGNED NOT NULL,
  to_id    BIGINT UNSIGNED NULL COMMENT 'the last device of the chain; NULL: no end',
  last_id  BIGINT UNSIGNED NULL COMMENT 'the last device of the page; NULL: not read yet',
  next_id  BIGINT UNSIGNED NULL COMMENT 'where the next hop begins; NULL: the chain ends here',
  handed_over     TINYINT NOT NULL DEFAULT 0,
  canary          TINYINT NOT NULL DEFAULT 0 COMMENT 'the first hop of its announcement, not judged yet',
  claims          INT UNSIGNED NOT NULL DEFAULT 0,
  owner           VARCHAR(100) NULL COMMENT 'who works on it; NULL: nobody',
  lease_until     DATETIME(3) NOT NULL COMMENT 'when it counts as stalled',
  planted_at      DATETIME(3) NOT NULL,
  closed_at       DATETIME(3) NULL,
  PRIMARY KEY (announcement_id, round, from_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_budget (
  source       VARCHAR(64) NOT NULL PRIMARY KEY,
  version      BIGINT UNSIGNED NOT NULL DEFAULT 0,
  taken_until  DATETIME(3) NOT NULL COMMENT 'up to when it is reserved',
  urgent_until DATETIME(3) NOT NULL COMMENT 'up to when urgent messages have reserved it',
  urgent_ms    BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'by how much urgent messages have put off the others, ever',
  ramp_from    DATETIME(3) NOT NULL COMMENT 'when the rate began to rise from nothing',
  brakes       BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'each makes void what was reserved before it',
  braked_until DATETIME(3) NOT NULL COMMENT 'until when FCM wants no message',
  brake_reason TEXT NULL,
  outages      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'tries in vain since FCM went down; 0: it is up'
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_turn (
  source          VARCHAR(64) NOT NULL,
  announcement_id BIGINT UNSIGNED NOT NULL,
  opens_at        DATETIME(3) NOT NULL COMMENT 'when the slot that it reserved last opens; it reserves no other before',
  PRIMARY KEY (source, announcement_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_tick (
  tick_id   TINYINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'always 1',
  ticked_at DATETIME(3) NOT NULL COMMENT 'when the schedule last ticked'
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_delivery (
  announcement_id BIGINT UNSIGNED NOT NULL COMMENT '0: a message that was sent at once',
  message_id      BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0: the announcement itself',
  device_id       BIGINT UNSIGNED NOT NULL COMMENT '0: the message went to no device',
  verdict         VARCHAR(16) CHARACTER SET ascii NOT NULL,
  reason          VARCHAR(100) NULL,
  message_name    VARCHAR(255) NULL COMMENT 'what FCM calls the accepted message',
  round           INT UNSIGNED NOT NULL,
  attempts        INT UNSIGNED NOT NULL DEFAULT 1,
  retry_at        DATETIME(3) NULL COMMENT 'when it is to be tried again; NULL: never',
  recorded_at     DATETIME(3) NOT NULL,
  PRIMARY KEY (announcement_id, message_id, device_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
