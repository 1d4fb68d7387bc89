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
  lanes           INTEGER NOT NULL DEFAULT 1, -- chains of hops side by side
  accept_unregistered INTEGER NOT NULL DEFAULT 0, -- 1: a chunk that is nearly all unregistered is believed
  audience        TEXT NOT NULL DEFAULT 'devices', -- devices, or messages: a run of push_message rows
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
  member_id   TEXT, -- whose it is, for messages to a member
  created_at  INTEGER NOT NULL,
  unregistered_at     INTEGER, -- since when FCM says that the app is gone; NULL: it is pushed to
  unregistered_reason TEXT, -- in the words of FCM
  unregistered_by     INTEGER -- the announcement that found out
) STRICT;

CREATE INDEX push_device_member ON push_device (member_id);

CREATE TABLE push_message (
  message_id      INTEGER PRIMARY KEY AUTOINCREMENT,
  message_key     TEXT UNIQUE, -- the sender's own: no two are alike
  announcement_id INTEGER, -- its run; NULL: not due yet; 0: sent at once, in no run
  source          TEXT NOT NULL DEFAULT 'default',
  device_id       INTEGER,
  member_id       TEXT, -- all devices of the member
  title           TEXT NOT NULL,
  body            TEXT NOT NULL,
  image           TEXT,
  data            TEXT NOT NULL DEFAULT '{}', -- a JSON object of strings
  options         TEXT NOT NULL DEFAULT '{}', -- a JSON object: link, sound, badge, ...
  ttl_seconds     INTEGER, -- how long it is worth anything; NULL: 4 weeks, as FCM has it
  publish_at      INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
  created_at      INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
  owner           TEXT, -- who sends it at once
  leased_until    INTEGER, -- until when nobody else may
  CONSTRAINT push_message_recipient CHECK ((device_id IS NULL) <> (member_id IS NULL))
) STRICT;

CREATE INDEX push_message_run ON push_message (announcement_id, message_id);
CREATE INDEX push_message_due ON push_message (announcement_id, source, publish_at);

CREATE TABLE push_hop (
  announcement_id INTEGER NOT NULL,
  round           INTEGER NOT NULL,
  from_id  INTEGER NOT NULL,
  to_id    INTEGER, -- the last device of the chain; NULL: no end
  last_id  INTEGER, -- the last device of the page; NULL: not read yet
  next_id  INTEGER, -- where the next hop begins; NULL: the chain ends here
  handed_over     INTEGER NOT NULL DEFAULT 0,
  canary          INTEGER NOT NULL DEFAULT 0, -- the first hop of its announcement, not judged yet
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
  urgent_until INTEGER NOT NULL, -- up to when urgent messages have reserved it
  urgent_ms    INTEGER NOT NULL DEFAULT 0, -- by how much urgent messages have put off the others, ever
  ramp_from    INTEGER NOT NULL, -- when the rate began to rise from nothing
  brakes       INTEGER NOT NULL DEFAULT 0, -- each makes void what was reserved before it
  braked_until INTEGER NOT NULL, -- until when FCM wants no message
  brake_reason TEXT,
  outages      INTEGER NOT NULL DEFAULT 0 -- tries in vain since FCM went down; 0: it is up
) STRICT;

CREATE TABLE push_tick (
  tick_id   INTEGER PRIMARY KEY, -- always 1
  ticked_at INTEGER NOT NULL -- when the schedule last ticked
) STRICT;

CREATE TABLE push_turn (
  source          TEXT NOT NULL,
  announcement_id INTEGER NOT NULL,
  opens_at        INTEGER NOT NULL, -- when the slot that it reserved last opens; it reserves no other before
  PRIMARY KEY (source, announcement_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE push_delivery (
  announcement_id INTEGER NOT NULL, -- 0: a message that was sent at once
  message_id      INTEGER NOT NULL DEFAULT 0, -- 0: the announcement itself
  device_id       INTEGER NOT NULL, -- 0: the message went to no device
  verdict         TEXT NOT NULL,
  reason          TEXT,
  message_name    TEXT, -- what FCM calls the accepted message
  round           INTEGER NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 1,
  retry_at        INTEGER, -- when it is to be tried again; NULL: never
  recorded_at     INTEGER NOT NULL,
  PRIMARY KEY (announcement_id, message_id, device_id)
) STRICT, WITHOUT ROWID;
