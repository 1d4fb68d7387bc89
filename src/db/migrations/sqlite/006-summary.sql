-- What each hop has done, in its own row; whom an announcement is for; and who changed what.

ALTER TABLE push_hop ADD COLUMN claimed_at INTEGER; -- when an invocation began it first
ALTER TABLE push_hop ADD COLUMN opened_at INTEGER; -- when its slot in the budget opened, and sending began
ALTER TABLE push_hop ADD COLUMN woken INTEGER NOT NULL DEFAULT 0; -- how often the tick has woken it
ALTER TABLE push_hop ADD COLUMN taken_over INTEGER NOT NULL DEFAULT 0; -- how often its lease had run out at a claim
ALTER TABLE push_hop ADD COLUMN given_back INTEGER NOT NULL DEFAULT 0; -- how often an invocation gave it back unfinished
ALTER TABLE push_hop ADD COLUMN back_reason TEXT; -- why it was given back last
ALTER TABLE push_hop ADD COLUMN devices INTEGER; -- pushes of its page; NULL: not read yet, or by an earlier release
ALTER TABLE push_hop ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_hop ADD COLUMN unregistered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_hop ADD COLUMN rejected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_hop ADD COLUMN retryable INTEGER NOT NULL DEFAULT 0; -- below 0 in a retry round, as the next one
ALTER TABLE push_hop ADD COLUMN unknown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_hop ADD COLUMN misconfigured INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_hop ADD COLUMN unsent INTEGER NOT NULL DEFAULT 0;
ALTER TABLE push_hop ADD COLUMN batches INTEGER NOT NULL DEFAULT 0; -- number of the batch that was counted last
ALTER TABLE push_hop ADD COLUMN work TEXT; -- a JSON object: times, answer times, reasons

CREATE TABLE push_audience (
  announcement_id INTEGER PRIMARY KEY,
  devices    INTEGER NOT NULL, -- pushes that the announcement is for, when it started
  last_id    INTEGER, -- the last device that is read; NULL: a mailing
  counted_at INTEGER NOT NULL,
  pruned_at  INTEGER -- since when its deliveries are deleted
) STRICT;

CREATE TABLE push_audit (
  audit_id        INTEGER PRIMARY KEY AUTOINCREMENT,
  at              INTEGER NOT NULL,
  announcement_id INTEGER, -- NULL: it is about a source
  source          TEXT,
  actor           TEXT NOT NULL, -- who: api:NAME, cli:NAME, schedule, event, baton
  action          TEXT NOT NULL,
  was             TEXT, -- the status before
  became          TEXT, -- the status since
  why             TEXT
) STRICT;

CREATE INDEX push_audit_announcement ON push_audit (announcement_id, audit_id);
CREATE INDEX push_audit_at ON push_audit (at);
