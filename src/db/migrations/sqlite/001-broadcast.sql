-- The tables of the MySQL store, for one machine. All times are milliseconds since the epoch.

CREATE TABLE push_announcement (
  announcement_id INTEGER PRIMARY KEY AUTOINCREMENT,
  title           TEXT NOT NULL,
  body            TEXT NOT NULL,
  image           TEXT,
  data            TEXT NOT NULL DEFAULT '{}', -- a JSON object of strings
  options         TEXT NOT NULL DEFAULT '{}', -- a JSON object: link, sound, badge, ...
  source          TEXT NOT NULL DEFAULT 'default',
  promise         TEXT NOT NULL DEFAULT 'at-least-once',
  ttl_seconds     INTEGER, -- how long a push is worth anything; NULL: 4 weeks, as FCM has it
  dry_run         INTEGER NOT NULL DEFAULT 0,
  status          TEXT NOT NULL DEFAULT 'draft',
  status_reason   TEXT,
  publish_at      INTEGER, -- when a scheduled announcement starts
  idempotency_key TEXT UNIQUE, -- one announcement for each
  created_at      INTEGER NOT NULL,
  started_at      INTEGER,
  finished_at     INTEGER
) STRICT;

CREATE INDEX push_announcement_status ON push_announcement (status, publish_at);

CREATE TABLE push_device (
  device_id   INTEGER PRIMARY KEY AUTOINCREMENT,
  target      TEXT NOT NULL UNIQUE,
  target_kind TEXT NOT NULL DEFAULT 'token',
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE push_hop (
  announcement_id INTEGER NOT NULL,
  round           INTEGER NOT NULL,
  from_id  INTEGER NOT NULL,
  to_id    INTEGER, -- the last device of the chain; NULL: no end
  last_id  INTEGER, -- the last device of the page; NULL: not read yet
  next_id  INTEGER, -- where the next hop begins; NULL: the chain ends here
  handed_over     INTEGER NOT NULL DEFAULT 0,
  canary          INTEGER NOT NULL DEFAULT 0, -- the first hop of its announcement
  claims          INTEGER NOT NULL DEFAULT 0,
  owner           TEXT, -- who works on it; NULL: nobody
  lease_until     INTEGER NOT NULL, -- when it counts as stalled
  planted_at      INTEGER NOT NULL,
  closed_at       INTEGER,
  PRIMARY KEY (announcement_id, round, from_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE push_budget (
  source       TEXT NOT NULL PRIMARY KEY,
  version      INTEGER NOT NULL DEFAULT 0,
  taken_until  INTEGER NOT NULL, -- up to when it is reserved
  ramp_from    INTEGER NOT NULL, -- when the rate began to rise from nothing
  braked_until INTEGER NOT NULL -- until when FCM wants no message
) STRICT;

CREATE TABLE push_tick (
  tick_id   INTEGER PRIMARY KEY, -- always 1
  ticked_at INTEGER NOT NULL -- when the schedule last ticked
) STRICT;

CREATE TABLE push_delivery (
  announcement_id INTEGER NOT NULL,
  device_id       INTEGER NOT NULL,
  verdict         TEXT NOT NULL,
  reason          TEXT,
  message_name    TEXT, -- what FCM calls the accepted message
  round           INTEGER NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 1,
  retry_at        INTEGER, -- when it is to be tried again; NULL: never
  recorded_at     INTEGER NOT NULL,
  PRIMARY KEY (announcement_id, device_id)
) STRICT, WITHOUT ROWID;
