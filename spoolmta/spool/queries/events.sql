-- The journal.

-- name: insert_event
INSERT INTO event (at, message_id, kind, recipient, detail) VALUES (?, ?, ?, ?, ?);

-- name: expire_events
-- Of the oldest slice of history what is too old, so that no transaction is long, and nothing else is read.
DELETE FROM event
 WHERE event_id IN (SELECT event_id FROM (SELECT event_id, at FROM event ORDER BY event_id LIMIT :limit) WHERE at < :before);
