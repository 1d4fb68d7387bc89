-- "Delivery guarantee" is the usual term. Only a table is altered: a team changes its own view itself.
-- The column is looked up first, because MySQL commits DDL by itself: if a migration is interrupted after the rename, the
-- column has its new name, and the migration is not recorded.
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
