-- The journal.

-- name: insert_event
INSERT INTO event (at, message_id, kind, recipient, detail) VALUES (?, ?, ?, ?, ?);

-- name: insert_event_of_each
-- The same event of many messages.
INSERT INTO event (at, message_id, kind, detail, operation_id)
SELECT :now, value, :kind, :detail, :operation FROM carray(:ids) WHERE value >= 0;

-- name: last_event
SELECT max(event_id) FROM event;

-- name: end_of_look
-- The last of the next events that are looked through for ends of messages. The very last one stays in the spool, so that no
-- number is used twice.
SELECT max(event_id)
  FROM (SELECT event_id FROM event WHERE event_id > :after AND event_id < (SELECT max(event_id) FROM event)
         ORDER BY event_id LIMIT :limit);

-- name: ended_between
-- Messages that are gone, and when.
SELECT message_id, at
  FROM event
 WHERE event_id > :after AND event_id <= :upto AND kind IN ('removed', 'deleted', 'emptied')
   AND NOT EXISTS (SELECT 1 FROM message WHERE message.message_id = event.message_id)
 ORDER BY event_id;

-- name: events_of_messages
SELECT event_id, message_id
  FROM event WHERE message_id IN carray(:ids) AND operation_id IS NULL AND event_id < (SELECT max(event_id) FROM event)
UNION ALL
SELECT event.event_id, event.message_id
  FROM operation CROSS JOIN event USING (operation_id)
 WHERE operation.messages >= 1000 AND event.message_id IN carray(:ids) AND event.event_id < (SELECT max(event_id) FROM event);

-- name: events_of_no_message
SELECT event_id, at FROM event WHERE message_id = 0 AND operation_id IS NULL AND event_id > :after AND event_id <= :upto;

-- name: load_events
SELECT event_id, at, message_id, kind, recipient, detail FROM event WHERE event_id IN carray(:ids);

-- name: copy_event
-- Into a day file, where it may be already.
INSERT INTO event (event_id, at, message_id, kind, recipient, detail) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (event_id) DO NOTHING;

-- name: delete_events
DELETE FROM event WHERE event_id IN carray(:ids);

-- name: delete_oldest_events
-- Of a day file that is too large.
DELETE FROM event WHERE event_id IN (SELECT event_id FROM event ORDER BY event_id LIMIT :limit);

-- name: skip_to_event
-- An event whose number is greater than :last, unless there is one.
INSERT INTO event (event_id, at, message_id, kind)
SELECT :last + 1, :now, 0, 'continued' WHERE NOT EXISTS (SELECT 1 FROM event WHERE event_id > :last);

-- name: first_event
SELECT min(event_id) FROM event;

-- name: page_of_journal
SELECT event_id, at, message_id, queue_id, kind, recipient, detail
  FROM journal
 WHERE event_id > :after AND event_id <= :upto AND at >= :since ORDER BY event_id LIMIT :limit;
