-- The journal.

-- name: insert_event
INSERT INTO event (at, message_id, kind, recipient, detail) VALUES (?, ?, ?, ?, ?);

-- name: last_event
SELECT max(event_id) FROM event;

-- name: expire_events
-- Of the oldest slice of history what is too old, so that no transaction is long, and nothing else is read. The last event
-- stays, so that no number is used twice.
DELETE FROM event
 WHERE event_id IN (SELECT event_id FROM (SELECT event_id, at FROM event ORDER BY event_id LIMIT :limit) WHERE at < :before)
   AND event_id < (SELECT max(event_id) FROM event);
