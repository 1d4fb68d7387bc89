-- Whom an announcement is for, in which words, and when: what devices and members say about themselves, and new columns of
-- announcements and messages. Views of a team's own stay as they are: see 002, also for why the columns are looked up first.
SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_device' AND column_name = 'is_test')
  OR NOT EXISTS (
    SELECT 1 FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name = 'push_device' AND table_type = 'BASE TABLE'),
  'DO 0',
  'ALTER TABLE push_device
     ADD COLUMN platform     VARCHAR(16) NULL COMMENT ''android, ios or web'',
     ADD COLUMN locale       VARCHAR(35) COLLATE utf8mb4_general_ci NULL COMMENT ''such as de or zh-TW'',
     ADD COLUMN time_zone    VARCHAR(64) COLLATE utf8mb4_bin NULL COMMENT ''such as Europe/Berlin'',
     ADD COLUMN app_version  VARCHAR(32) NULL COMMENT ''such as 4.12.0'',
     ADD COLUMN last_seen_at DATETIME(3) NULL COMMENT ''when the app was last used; NULL: not known'',
     ADD COLUMN is_test      TINYINT NOT NULL DEFAULT 0 COMMENT ''1: gets the test sends'',
     ADD KEY push_device_zone (time_zone),
     ADD KEY push_device_locale (locale),
     ADD KEY push_device_test (is_test)');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;

SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_hop' AND column_name = 'late_reasons'),
  'DO 0',
  'ALTER TABLE push_hop
     ADD COLUMN late_reasons TEXT NULL COMMENT ''a JSON object: reasons of answers that no batch of the hop has counted''');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;

CREATE TABLE IF NOT EXISTS push_tag (
  device_id BIGINT UNSIGNED NOT NULL,
  name      VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
  value     VARCHAR(128) COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (device_id, name),
  KEY push_tag_value (name, value, device_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_member (
  member_id  VARCHAR(64) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  attributes TEXT NOT NULL DEFAULT ('{}') COMMENT 'a JSON object, for templates'
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS push_template (
  name        VARCHAR(64) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY COMMENT 'what messages call it by',
  title       TEXT NOT NULL,
  body        TEXT NOT NULL,
  image       TEXT NULL,
  data        TEXT NOT NULL DEFAULT ('{}'),
  options     TEXT NOT NULL DEFAULT ('{}'),
  ttl_seconds INT UNSIGNED NULL,
  locales     MEDIUMTEXT NULL COMMENT 'a JSON object: content by locale'
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_announcement' AND column_name = 'part_of')
  OR NOT EXISTS (
    SELECT 1 FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_name = 'push_announcement' AND table_type = 'BASE TABLE'),
  'DO 0',
  'ALTER TABLE push_announcement
     ADD COLUMN filter            MEDIUMTEXT NULL COMMENT ''a JSON object: the devices that it is for; NULL: all'',
     ADD COLUMN locales           MEDIUMTEXT NULL COMMENT ''a JSON object: content by locale'',
     ADD COLUMN template          VARCHAR(16) NULL COMMENT ''liquid: its texts are templates; NULL: they are sent as they are'',
     ADD COLUMN expected_audience BIGINT UNSIGNED NULL COMMENT ''it starts only if the count is within 10% of this'',
     ADD COLUMN approved_by       VARCHAR(200) NULL COMMENT ''who has approved it, where APPROVAL is required'',
     ADD COLUMN local_time        VARCHAR(19) NULL COMMENT ''such as 2026-12-24T18:00, by the clock of the zone of each device'',
     ADD COLUMN repeat_at         VARCHAR(100) NULL COMMENT ''a cron expression; each occurrence is an announcement of its own'',
     ADD COLUMN repeat_zone       VARCHAR(64) NULL COMMENT ''the time zone of repeat_at'',
     ADD COLUMN part_of           BIGINT UNSIGNED NULL COMMENT ''the announcement that this one is a part or an occurrence of'',
     ADD KEY push_announcement_part (part_of)');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;

SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_snapshot' AND column_name = 'template'),
  'DO 0',
  'ALTER TABLE push_snapshot
     ADD COLUMN filter   MEDIUMTEXT NULL,
     ADD COLUMN locales  MEDIUMTEXT NULL,
     ADD COLUMN template VARCHAR(16) NULL');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;

SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_message' AND column_name = 'test_of'),
  'DO 0',
  'ALTER TABLE push_message
     ADD COLUMN template        VARCHAR(64) NULL COMMENT ''the name of a row of push_template, in the place of a content'',
     ADD COLUMN variables       TEXT NULL COMMENT ''a JSON object, for the template'',
     ADD COLUMN topic           VARCHAR(900) NULL COMMENT ''it goes to an FCM topic; device_id is 0'',
     ADD COLUMN topic_condition TEXT NULL COMMENT ''it goes to an FCM condition; device_id is 0'',
     ADD COLUMN test_of         BIGINT UNSIGNED NULL COMMENT ''a test send of this announcement, which counts in no report''');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;
