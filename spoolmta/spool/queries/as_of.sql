-- How the queue was at a time, out of the journal.

-- name: events_up_to
-- A slice of the journal, of some kinds alone (a JSON list of them), up to a time.
SELECT at, message_id, kind, recipient, detail
  FROM journal
 WHERE event_id > :low AND event_id <= :high AND at <= :until AND kind IN (SELECT value FROM json_each(:kinds))
 ORDER BY event_id DESC;
