-- What became of messages whose deliveries are answered.

-- name: messages_with_deliveries
-- Those that have deliveries, or will have some.
SELECT DISTINCT message_id FROM delivery WHERE message_id IN carray(:ids)
UNION ALL SELECT message_id FROM unplanned WHERE message_id IN carray(:ids);

-- name: open_outcomes
-- What is left to do for answered messages: deferred recipients, bounces, successes and ends of delays that the sender is
-- not told of yet.
SELECT outcome.message_id, outcome.number, outcome.action, outcome.dsn, outcome.reason, outcome.success, recipient.notify,
       recipient.address, outcome.delay_told
  FROM outcome JOIN recipient USING (message_id, number)
 WHERE outcome.message_id IN carray(:ids) AND outcome.noticed = 0
   AND (outcome.action <> 'sent' OR (outcome.success <> '' AND recipient.notify & 2) OR outcome.delay_told = 2)
 ORDER BY outcome.message_id, outcome.number, outcome.part;

-- name: load_ages
-- Of active messages alone: one that an operator took away meanwhile is not ours to end.
SELECT message.message_id, message.queue_id, message.sender, message.arrived_at, message.created_at,
       message.trace, active.asked
  FROM active JOIN message USING (message_id) WHERE active.message_id IN carray(:ids);

-- name: mark_noticed
UPDATE outcome SET noticed = 1 WHERE message_id = ? AND number = ? AND part = ?;

-- name: mark_delay_told
UPDATE outcome SET delay_told = :told WHERE message_id = :message_id AND action = 'deferred';

-- name: expire_outcomes
-- The lifetime is over: what was deferred is now returned, with the last reason.
UPDATE outcome SET action = 'bounced', at = :now
 WHERE message_id = :message_id AND action = 'deferred';

-- name: insert_notice
INSERT INTO notice (message_id, kind, retry_at) VALUES (?, ?, ?);
