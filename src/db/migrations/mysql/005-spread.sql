-- Up to when the page that was reserved last is being sent (NULL: as long as it is reserved), and FCM's mean answer time.
-- The column is looked up first, because MySQL commits DDL by itself: see 002.
SET @adding = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'push_budget' AND column_name = 'spread_until'),
  'DO 0',
  'ALTER TABLE push_budget ADD COLUMN spread_until DATETIME(3) NULL, ADD COLUMN answer_ms INT UNSIGNED NOT NULL DEFAULT 0');
PREPARE adding FROM @adding;
EXECUTE adding;
DEALLOCATE PREPARE adding;
