-- What an operator asks. Every statement is bounded by a limit, by the ids it is given or by the number of processes: a
-- reader that takes its time keeps the write-ahead log from starting afresh.

-- name: read_states
SELECT state, messages, oldest_at FROM v1_states;

-- name: page_maildrop
SELECT message_id FROM maildrop WHERE message_id > :after ORDER BY message_id LIMIT :limit;

-- name: page_incoming
SELECT message_id FROM incoming WHERE message_id > :after ORDER BY message_id LIMIT :limit;

-- name: page_active
SELECT message_id FROM active WHERE message_id > :after ORDER BY message_id LIMIT :limit;

-- name: page_deferred
SELECT message_id FROM deferred WHERE message_id > :after ORDER BY message_id LIMIT :limit;

-- name: page_hold
SELECT message_id FROM hold WHERE message_id > :after ORDER BY message_id LIMIT :limit;

-- name: page_corrupt
SELECT message_id FROM corrupt WHERE message_id > :after ORDER BY message_id LIMIT :limit;

-- name: load_entries
-- One line a message, as a listing shows it; the reason of an operator or a stage goes before that of a recipient.
SELECT message.message_id,
       message.queue_id,
       CASE WHEN deferred.message_id IS NOT NULL THEN 'deferred'
            WHEN active.message_id IS NOT NULL THEN 'active'
            WHEN hold.message_id IS NOT NULL THEN 'hold'
            WHEN incoming.message_id IS NOT NULL THEN 'incoming'
            WHEN maildrop.message_id IS NOT NULL THEN 'maildrop'
            WHEN corrupt.message_id IS NOT NULL THEN 'corrupt' END,
       message.sender,
       message.size,
       message.arrived_at,
       deferred.retry_at,
       (SELECT recipient.address FROM recipient WHERE recipient.message_id = message.message_id
         ORDER BY recipient.number LIMIT 1),
       (SELECT count(*) FROM recipient WHERE recipient.message_id = message.message_id),
       (SELECT count(*) FROM outcome WHERE outcome.message_id = message.message_id AND outcome.part = 0
           AND outcome.action <> 'deferred'),
       coalesce(hold.reason, corrupt.reason,
                (SELECT outcome.reason FROM outcome
                  WHERE outcome.message_id = message.message_id AND outcome.action = 'deferred' LIMIT 1), '')
  FROM message
  LEFT JOIN maildrop ON maildrop.message_id = message.message_id
  LEFT JOIN incoming ON incoming.message_id = message.message_id
  LEFT JOIN active ON active.message_id = message.message_id
  LEFT JOIN deferred ON deferred.message_id = message.message_id
  LEFT JOIN hold ON hold.message_id = message.message_id
  LEFT JOIN corrupt ON corrupt.message_id = message.message_id
 WHERE message.message_id IN carray(:ids)
 ORDER BY message.message_id;

-- name: load_listed
SELECT message_id, queue_id, arrived_at, size, sender
  FROM message WHERE message_id IN carray(:ids) ORDER BY message_id;

-- name: load_waiting_recipients
-- Recipients without a final answer, and the reason of the last one that was not final.
SELECT recipient.message_id, recipient.number, recipient.address, outcome.at, coalesce(outcome.reason, '')
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred'
 ORDER BY recipient.message_id, recipient.number;

-- name: load_recipients_of_message
SELECT recipient.number, recipient.address, recipient.original, recipient.orcpt, recipient.notify,
       coalesce(outcome.action, 'waiting'), coalesce(outcome.dsn, ''), coalesce(outcome.reason, ''),
       coalesce(outcome.relay, ''), outcome.at
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id = :message_id AND recipient.number > :after
 ORDER BY recipient.number LIMIT :limit;

-- name: load_deliveries_of_message
SELECT transport, nexthop, stage, since_at, recipients, pid
  FROM v1_deliveries WHERE message_id = :message_id LIMIT :limit;

-- name: load_claimer
-- Who works on a message now.
SELECT process.service, process.pid, claim.claimed_at
  FROM claim LEFT JOIN process USING (process_id) WHERE claim.message_id = :message_id;

-- name: load_events_of_message
SELECT event_id, at, message_id, kind, recipient, detail
  FROM journal_by_message WHERE message_id = :message_id AND event_id > :after ORDER BY event_id LIMIT :limit;

-- name: highest_event
SELECT max(event_id) FROM event;

-- name: events_of_address
-- A slice of the journal: what happened to an address, or was accepted from it or for it. *quoted* is its JSON text.
SELECT message_id
  FROM journal
 WHERE event_id > :low AND event_id <= :high
   AND (recipient = :address COLLATE NOCASE OR (kind = 'accepted' AND instr(lower(detail), :quoted)))
 ORDER BY event_id DESC;

-- name: quick_check
-- What SQLite finds wrong with the file; "ok" if it finds nothing.
SELECT quick_check FROM pragma_quick_check LIMIT 10;

-- name: messages_nowhere
-- Messages that are in no state: nobody will ever look at them.
SELECT queue_id FROM message
 WHERE NOT EXISTS (SELECT 1 FROM maildrop WHERE maildrop.message_id = message.message_id)
   AND NOT EXISTS (SELECT 1 FROM incoming WHERE incoming.message_id = message.message_id)
   AND NOT EXISTS (SELECT 1 FROM active WHERE active.message_id = message.message_id)
   AND NOT EXISTS (SELECT 1 FROM deferred WHERE deferred.message_id = message.message_id)
   AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.message_id = message.message_id)
   AND NOT EXISTS (SELECT 1 FROM corrupt WHERE corrupt.message_id = message.message_id)
 LIMIT 10;

-- name: read_processes
SELECT service, pid, started_at, claims, attempts, uploads FROM v1_processes ORDER BY process_id;
