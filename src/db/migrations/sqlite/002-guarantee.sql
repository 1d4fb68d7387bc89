-- "Delivery guarantee" is the usual term.
ALTER TABLE push_announcement RENAME COLUMN promise TO guarantee;
