-- Alerts, one row for each channel, and what the tick remembers of running announcements.

CREATE TABLE push_alert (
  alert_id        INTEGER PRIMARY KEY AUTOINCREMENT,
  announcement_id INTEGER NOT NULL,
  kind            TEXT NOT NULL,
  cause           INTEGER NOT NULL, -- the line of push_audit that it is about; 0: none
  channel         TEXT NOT NULL, -- webhook or sns
  content         TEXT NOT NULL, -- a JSON object; every attempt sends the same
  made_at         INTEGER NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 0,
  due_at          INTEGER NOT NULL, -- of the next attempt; while one is under way, when it counts as dead
  closed_at       INTEGER, -- when it was sent, or given up
  UNIQUE (announcement_id, kind, cause, channel)
) STRICT;

CREATE INDEX push_alert_due ON push_alert (closed_at, due_at);

CREATE TABLE push_watch (
  announcement_id INTEGER PRIMARY KEY, -- 0: push_audit, which is looked through up to looked_at
  progress   TEXT NOT NULL, -- stands for what was done until then
  changed_at INTEGER NOT NULL, -- when the progress changed, or there was something to wait for
  held_ms    INTEGER NOT NULL DEFAULT 0, -- for how long the source was held up, in all
  looked_at  INTEGER NOT NULL
) STRICT;
