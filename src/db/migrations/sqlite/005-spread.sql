-- Up to when the page that was reserved last is being sent (NULL: as long as it is reserved), and FCM's mean answer time.
ALTER TABLE push_budget ADD COLUMN spread_until INTEGER;
ALTER TABLE push_budget ADD COLUMN answer_ms INTEGER NOT NULL DEFAULT 0;
