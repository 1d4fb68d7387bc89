-- Whom an announcement is for, in which words, and when: what devices and members say about themselves, and new columns of
-- announcements and messages.

ALTER TABLE push_device ADD COLUMN platform TEXT; -- android, ios or web
ALTER TABLE push_device ADD COLUMN locale TEXT; -- such as de or zh-TW
ALTER TABLE push_device ADD COLUMN time_zone TEXT; -- such as Europe/Berlin
ALTER TABLE push_device ADD COLUMN app_version TEXT; -- such as 4.12.0
ALTER TABLE push_device ADD COLUMN last_seen_at INTEGER; -- when the app was last used; NULL: not known
ALTER TABLE push_device ADD COLUMN is_test INTEGER NOT NULL DEFAULT 0; -- 1: gets the test sends

CREATE INDEX push_device_zone ON push_device (time_zone);
CREATE INDEX push_device_locale ON push_device (locale COLLATE NOCASE);
CREATE INDEX push_device_test ON push_device (is_test);

CREATE TABLE push_tag (
  device_id INTEGER NOT NULL,
  name      TEXT NOT NULL,
  value     TEXT NOT NULL,
  PRIMARY KEY (device_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX push_tag_value ON push_tag (name, value, device_id);

CREATE TABLE push_member (
  member_id  TEXT NOT NULL PRIMARY KEY,
  attributes TEXT NOT NULL DEFAULT '{}' -- a JSON object, for templates
) STRICT, WITHOUT ROWID;

CREATE TABLE push_template (
  name        TEXT NOT NULL PRIMARY KEY, -- what messages call it by
  title       TEXT NOT NULL,
  body        TEXT NOT NULL,
  image       TEXT,
  data        TEXT NOT NULL DEFAULT '{}',
  options     TEXT NOT NULL DEFAULT '{}',
  ttl_seconds INTEGER,
  locales     TEXT -- a JSON object: content by locale
) STRICT;

ALTER TABLE push_announcement ADD COLUMN filter TEXT; -- a JSON object: the devices that it is for; NULL: all
ALTER TABLE push_announcement ADD COLUMN locales TEXT; -- a JSON object: content by locale
ALTER TABLE push_announcement ADD COLUMN template TEXT; -- liquid: its texts are templates; NULL: they are sent as they are
ALTER TABLE push_announcement ADD COLUMN expected_audience INTEGER; -- it starts only if the count is within 10% of this
ALTER TABLE push_announcement ADD COLUMN approved_by TEXT; -- who has approved it, where APPROVAL is required
ALTER TABLE push_announcement ADD COLUMN local_time TEXT; -- such as 2026-12-24T18:00, by the clock of each device's zone
ALTER TABLE push_announcement ADD COLUMN repeat_at TEXT; -- a cron expression; each occurrence is an announcement of its own
ALTER TABLE push_announcement ADD COLUMN repeat_zone TEXT; -- the time zone of repeat_at
ALTER TABLE push_announcement ADD COLUMN part_of INTEGER; -- the announcement that this one is a part or an occurrence of

CREATE INDEX push_announcement_part ON push_announcement (part_of);

ALTER TABLE push_snapshot ADD COLUMN filter TEXT;
ALTER TABLE push_snapshot ADD COLUMN locales TEXT;
ALTER TABLE push_snapshot ADD COLUMN template TEXT;

ALTER TABLE push_message ADD COLUMN template TEXT; -- the name of a row of push_template, in the place of a content
ALTER TABLE push_message ADD COLUMN variables TEXT; -- a JSON object, for the template
ALTER TABLE push_message ADD COLUMN topic TEXT; -- it goes to an FCM topic; device_id is 0
ALTER TABLE push_message ADD COLUMN topic_condition TEXT; -- it goes to an FCM condition; device_id is 0
ALTER TABLE push_message ADD COLUMN test_of INTEGER; -- a test send of this announcement, which counts in no report
