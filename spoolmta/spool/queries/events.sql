-- The journal.

-- name: insert_event
INSERT INTO event (at, message_id, kind, recipient, detail) VALUES (?, ?, ?, ?, ?);

-- name: expire_events
-- A slice of the oldest history, so that no transaction is long.
DELETE FROM event WHERE event_id IN (SELECT event_id FROM event WHERE at < :before ORDER BY event_id LIMIT :limit);
