-- "Delivery guarantee" is the field's own term.
ALTER TABLE push_announcement RENAME COLUMN promise TO guarantee;
