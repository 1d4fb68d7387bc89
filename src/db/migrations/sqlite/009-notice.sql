-- What Baton hears and finds before it breaks a broadcast: retirements, checks on a schedule, canary phones, and receipts.

ALTER TABLE push_device ADD COLUMN is_canary INTEGER NOT NULL DEFAULT 0; -- 1: a phone of the team that answers silent pushes

CREATE INDEX push_device_canary ON push_device (is_canary);
CREATE INDEX push_device_kind ON push_device (target_kind);
CREATE INDEX push_device_version ON push_device (app_version);
-- Members' devices are counted without their rows.
DROP INDEX push_device_member;
CREATE INDEX push_device_member ON push_device (member_id, unregistered_at);

CREATE TABLE push_check (
  name       TEXT NOT NULL PRIMARY KEY, -- doctor, radar, canary, or one of them and an announcement
  started_at INTEGER NOT NULL,
  ended_at   INTEGER,
  ok         INTEGER -- 0: it has found something red
) STRICT, WITHOUT ROWID;

CREATE TABLE push_notice (
  notice_id  INTEGER PRIMARY KEY AUTOINCREMENT,
  check_name TEXT NOT NULL, -- doctor, radar or canary
  name       TEXT NOT NULL, -- what it is about
  level      TEXT NOT NULL, -- amber or red
  content    TEXT NOT NULL, -- a JSON object: what was found, what to do, by when, and the source
  found_at   INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL, -- when it was found last; a row that is not found again is deleted
  UNIQUE (check_name, name)
) STRICT;

CREATE TABLE push_signal (
  day     TEXT NOT NULL,
  kind    TEXT NOT NULL, -- what was observed: see model/signal.ts
  source  TEXT NOT NULL,
  name    TEXT NOT NULL,
  value   TEXT NOT NULL, -- the latest of that day
  times   INTEGER NOT NULL DEFAULT 1,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (kind, source, name, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE push_canary (
  round       TEXT NOT NULL, -- the day, or the announcement that comes next
  device_id   INTEGER NOT NULL,
  sent_at     INTEGER NOT NULL,
  verdict     TEXT, -- of FCM; NULL: not known
  reason      TEXT,
  answered_at INTEGER, -- when the receipt of the phone arrived
  PRIMARY KEY (round, device_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX push_canary_sent ON push_canary (sent_at);

CREATE TABLE push_receipt (
  announcement_id INTEGER NOT NULL,
  message_id      INTEGER NOT NULL DEFAULT 0,
  device_id       INTEGER NOT NULL,
  event           TEXT NOT NULL, -- delivered or opened, as the phone says
  received_at     INTEGER NOT NULL,
  PRIMARY KEY (announcement_id, message_id, device_id, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE push_receipt_count (
  announcement_id INTEGER NOT NULL,
  event           TEXT NOT NULL,
  receipts        INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (announcement_id, event)
) STRICT, WITHOUT ROWID;
