-- What a running announcement sends: its row as it was at the start.

CREATE TABLE push_snapshot (
  announcement_id INTEGER PRIMARY KEY,
  title           TEXT NOT NULL,
  body            TEXT NOT NULL,
  image           TEXT,
  data            TEXT NOT NULL,
  options         TEXT NOT NULL,
  ttl_seconds     INTEGER,
  source          TEXT NOT NULL,
  guarantee       TEXT NOT NULL,
  dry_run         INTEGER NOT NULL,
  audience        TEXT NOT NULL
) STRICT;
