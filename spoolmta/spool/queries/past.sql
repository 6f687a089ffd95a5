-- The journal from now backwards: each statement reads a slice.

-- name: events_back
-- A slice of the journal, of some kinds alone (a JSON list of them).
SELECT event_id, at, message_id, kind, recipient, detail
  FROM journal
 WHERE event_id > :low AND event_id <= :high AND kind IN (SELECT value FROM json_each(:kinds))
 ORDER BY event_id DESC;

-- name: flow_back
-- What a slice of the journal tells of recipients whose address ends as asked for, and how many of them an event names.
SELECT kind, at,
       CASE kind WHEN 'accepted'
       THEN (SELECT count(*) FROM json_each(detail, '$.recipients') WHERE substr(value, -length(:ending)) = :ending COLLATE NOCASE)
       ELSE 1 END
  FROM journal
 WHERE event_id > :low AND event_id <= :high
   AND ((kind IN ('sent', 'deferred') AND substr(recipient, -length(:ending)) = :ending COLLATE NOCASE)
        OR (kind = 'accepted' AND instr(lower(detail), lower(:ending)) > 0));

-- name: latest_time
-- When the latest event of a slice was.
SELECT max(at) FROM journal WHERE event_id > :low AND event_id <= :high;

-- name: attempts_of_the_dead
-- Whom the attempts of processes are for that do not run any more; their rows go with the next look of the keeper.
SELECT attempt.process_id, delivery.message_id, message.queue_id, delivery_recipient.address, delivery.transport,
       delivery.nexthop, attempt.started_at, coalesce(process.service, ''), coalesce(process.pid, 0)
  FROM attempt
  JOIN delivery USING (delivery_id) JOIN delivery_recipient USING (delivery_id)
  JOIN message ON message.message_id = delivery.message_id
  LEFT JOIN process ON process.process_id = attempt.process_id
 ORDER BY attempt.delivery_id, delivery_recipient.number;

-- name: messages_with_header_id
-- A slice of the journal: which messages came with a Message-ID; *told* is how the journal writes it.
SELECT message_id FROM journal
 WHERE event_id > :low AND event_id <= :high AND kind IN ('accepted', 'cleaned') AND instr(detail, :told);
