-- What an operation changed goes back to what it was: from `change`, for the messages that are as the operation left them.

-- name: left_in_hold
SELECT message_id FROM hold WHERE message_id IN carray(:ids) AND entered_at = :now;

-- name: left_in_trash
SELECT message_id FROM trash WHERE message_id IN carray(:ids) AND entered_at = :now;

-- name: left_in_maildrop
SELECT message_id FROM maildrop WHERE message_id IN carray(:ids) AND entered_at = :now;

-- name: left_in_deferred
SELECT message_id FROM deferred WHERE message_id IN carray(:ids) AND entered_at = :now;

-- name: left_in_active
-- With the notice that is still to be written.
SELECT active.message_id FROM active
 WHERE active.message_id IN carray(:ids) AND active.entered_at = :now
   AND EXISTS (SELECT 1 FROM notice WHERE notice.message_id = active.message_id);

-- name: tried_since
SELECT DISTINCT message_id FROM outcome WHERE message_id IN carray(:ids) AND at > :now;

-- name: cleaned_since
-- Requeued, and picked up: the recipients have other numbers.
SELECT message_id FROM message WHERE message_id IN carray(:ids) AND created_at > :now;

-- name: expired_since
-- As far as the journal has not moved to the day files.
SELECT DISTINCT message_id FROM event WHERE message_id IN carray(:ids) AND operation_id IS NULL AND kind = 'expired' AND at >= :now;

-- name: restore_maildrop
INSERT INTO maildrop (message_id, entered_at)
SELECT message_id, entered_at FROM change WHERE operation_id = :operation AND message_id IN carray(:ids) AND state = 'maildrop';

-- name: restore_incoming
INSERT INTO incoming (message_id, entered_at)
SELECT message_id, entered_at FROM change WHERE operation_id = :operation AND message_id IN carray(:ids) AND state = 'incoming';

-- name: restore_deferred
INSERT INTO deferred (message_id, entered_at, retry_at, asked)
SELECT message_id, entered_at, retry_at, asked
  FROM change WHERE operation_id = :operation AND message_id IN carray(:ids) AND state = 'deferred';

-- name: restore_active
-- Its deliveries are gone: it is resolved afresh, at once.
INSERT INTO deferred (message_id, entered_at, retry_at, asked)
SELECT message_id, :now, :now, asked
  FROM change WHERE operation_id = :operation AND message_id IN carray(:ids) AND state = 'active';

-- name: restore_hold
INSERT INTO hold (message_id, entered_at, reason)
SELECT message_id, entered_at, reason
  FROM change WHERE operation_id = :operation AND message_id IN carray(:ids) AND state = 'hold';

-- name: restore_corrupt
INSERT INTO corrupt (message_id, entered_at, reason)
SELECT message_id, entered_at, reason
  FROM change WHERE operation_id = :operation AND message_id IN carray(:ids) AND state = 'corrupt';

-- name: restore_recipients
INSERT INTO recipient (message_id, number, address, original, orcpt, notify)
SELECT change.message_id, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
  FROM change, json_each(change.before, '$.recipients')
 WHERE operation_id = :operation AND message_id IN carray(:ids);

-- name: restore_outcomes
INSERT INTO outcome (message_id, number, part, action, dsn, reason, relay, remote, reply, success, address, noticed, delay_told,
                     at)
SELECT change.message_id, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
       value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12
  FROM change, json_each(change.before, '$.outcomes')
 WHERE operation_id = :operation AND message_id IN carray(:ids);

-- name: restore_crashes
INSERT OR REPLACE INTO crash (message_id, count)
SELECT message_id, before ->> '$.crashes' FROM change
 WHERE operation_id = :operation AND message_id IN carray(:ids) AND before ->> '$.crashes' IS NOT NULL;

-- name: restore_expiries
INSERT OR REPLACE INTO forced_expiry (message_id, asked_at)
SELECT message_id, before ->> '$.expiring' FROM change
 WHERE operation_id = :operation AND message_id IN carray(:ids) AND before ->> '$.expiring' IS NOT NULL;

-- name: take_back_expiries
DELETE FROM forced_expiry WHERE message_id IN carray(:ids) AND asked_at = :now;

-- name: restore_senders
UPDATE message
   SET sender = (SELECT change.before ->> '$.sender' FROM change
                  WHERE change.operation_id = :operation AND change.message_id = message.message_id)
 WHERE message_id IN carray(:ids);

-- name: delete_reroutes
DELETE FROM reroute WHERE message_id IN carray(:ids);

-- name: take_back_reroutes
DELETE FROM reroute WHERE message_id IN carray(:ids) AND operation_id = :operation;

-- name: restore_reroutes
INSERT INTO reroute (message_id, number, operation_id, transport, nexthop)
SELECT change.message_id, value ->> 0, value ->> 1, value ->> 2, value ->> 3
  FROM change, json_each(change.before, '$.routes')
 WHERE operation_id = :operation AND message_id IN carray(:ids);

-- name: delete_priorities
DELETE FROM priority WHERE message_id IN carray(:ids);

-- name: restore_priorities
INSERT INTO priority (message_id)
SELECT message_id FROM change
 WHERE operation_id = :operation AND message_id IN carray(:ids) AND before ->> '$.urgent';

-- name: tell_restored
-- Of an operation on very many messages these events, too, are found by the operation (schema.sql).
INSERT INTO event (at, message_id, kind, detail, operation_id)
SELECT :now, message_id, 'restored',
       json_object('state', iif(state = 'active', 'deferred', state), 'reason', reason,
                   'retry_at', iif(state = 'active', :now, retry_at) / 1000000.0, 'operation', :operation, 'by', :by),
       (SELECT operation_id FROM operation WHERE operation_id = :operation AND messages >= 1000)
  FROM change WHERE operation_id = :operation AND message_id IN carray(:ids);
