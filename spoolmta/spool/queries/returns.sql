-- Mail that an operator returns to its sender.

-- name: bounce_waiting
-- Every recipient that has no final answer gets one.
INSERT INTO outcome (message_id, number, part, action, dsn, reason, relay, remote, reply, success, address, at)
SELECT recipient.message_id, recipient.number, 0, 'bounced', :dsn, :reason, 'none', '', '', '', '', :now
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred'
    ON CONFLICT (message_id, number, part) DO UPDATE
   SET action = excluded.action, dsn = excluded.dsn, reason = excluded.reason, relay = excluded.relay, remote = '', reply = '',
       success = '', address = '', noticed = 0, at = excluded.at;

-- name: expire_waiting
-- As bounce_waiting, but who was tried keeps the last reason.
INSERT INTO outcome (message_id, number, part, action, dsn, reason, relay, remote, reply, success, address, at)
SELECT recipient.message_id, recipient.number, 0, 'bounced', :dsn, :reason, 'none', '', '', '', '', :now
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred'
    ON CONFLICT (message_id, number, part) DO UPDATE SET action = excluded.action, noticed = 0, at = excluded.at;

-- name: tell_bounced
-- The events of these answers.
INSERT INTO event (at, message_id, kind, recipient, detail)
SELECT outcome.at, outcome.message_id, 'bounced', recipient.address,
       CASE outcome.number
       WHEN 0 THEN json_object('dsn', outcome.dsn, 'relay', outcome.relay, 'reason', outcome.reason)
       ELSE json_object('dsn', outcome.dsn, 'relay', outcome.relay, 'reason', outcome.reason, 'number', outcome.number) END
  FROM outcome JOIN recipient USING (message_id, number)
 WHERE outcome.message_id IN carray(:ids) AND outcome.action = 'bounced' AND outcome.at = :now AND outcome.part = 0;

-- name: activate_returned
INSERT INTO active (message_id, entered_at) SELECT value, :now FROM carray(:ids) WHERE value >= 0;

-- name: ask_for_failure_notices
INSERT INTO notice (message_id, kind, retry_at) SELECT value, 'failure', NULL FROM carray(:ids) WHERE value >= 0;

-- name: ask_for_success_notices
-- Whose success the sender wants to hear of and has not.
INSERT INTO notice (message_id, kind, retry_at)
SELECT message.message_id, 'success', NULL FROM message
 WHERE message.message_id IN carray(:ids) AND message.sender <> ''
   AND EXISTS (SELECT 1 FROM outcome JOIN recipient USING (message_id, number)
                WHERE outcome.message_id = message.message_id AND outcome.action = 'sent' AND outcome.noticed = 0
                  AND outcome.success <> '' AND recipient.notify & 2);

-- name: returned_by_operators
-- Those of some messages that an operation which stands has returned: its verb and its time, which is that of the answers.
SELECT event.message_id, operation.verb, max(operation.at)
  FROM event JOIN operation ON operation.operation_id = event.detail ->> 'operation'
 WHERE event.message_id IN carray(:ids) AND event.operation_id IS NULL AND event.kind = 'returned' AND operation.undone_at IS NULL
 GROUP BY event.message_id;
