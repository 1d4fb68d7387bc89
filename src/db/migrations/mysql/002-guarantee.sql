-- "Delivery guarantee" is the field's own term. A view of a team's own is that team's to change: only a table is altered.
-- Looked up first, because MySQL commits DDL by itself: a migration that was cut off here has already renamed the column.
SET @renaming = IF(
  EXISTS (
    SELECT 1 FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = DATABASE() AND table_name = 'push_announcement' AND column_name = 'promise'
      AND table_type = 'BASE TABLE'),
  'ALTER TABLE push_announcement RENAME COLUMN promise TO guarantee',
  'DO 0');
PREPARE renaming FROM @renaming;
EXECUTE renaming;
DEALLOCATE PREPARE renaming;
