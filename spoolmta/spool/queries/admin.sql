-- What an operator does to queued messages; a batch of ids each, in the caller's transaction.

-- name: attempted_messages
-- Those of some messages that an agent is delivering at this moment.
SELECT DISTINCT delivery.message_id
  FROM delivery JOIN attempt USING (delivery_id) WHERE delivery.message_id IN carray(:ids);

-- name: unattempted_deliveries
-- The deliveries of some messages that no agent has in hand.
SELECT delivery_id FROM delivery
 WHERE message_id IN carray(:ids) AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery_id = delivery.delivery_id);

-- name: reopenable_messages
-- Those of some messages that have bounces of which no sender has been told.
SELECT DISTINCT message_id FROM outcome INDEXED BY outcome_by_message
 WHERE message_id IN carray(:ids) AND action <> 'deferred' AND action = 'bounced' AND noticed = 0;

-- name: answered_messages
-- Those of some messages that have a recipient with a final answer.
SELECT DISTINCT message_id FROM outcome INDEXED BY outcome_by_message
 WHERE message_id IN carray(:ids) AND action <> 'deferred';

-- name: reopen_outcomes
-- Bounces that no sender has been told of: those recipients wait again.
DELETE FROM outcome INDEXED BY outcome_by_message
 WHERE message_id IN carray(:ids) AND action <> 'deferred' AND action = 'bounced' AND noticed = 0;

-- name: ended_messages
-- Those of some messages whose recipients all have a final answer.
SELECT message_id FROM message
 WHERE message_id IN carray(:ids)
   AND NOT EXISTS (SELECT 1 FROM recipient LEFT JOIN outcome
                       ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
                    WHERE recipient.message_id = message.message_id
                      AND coalesce(outcome.action, 'deferred') = 'deferred');

-- name: delete_ended_recipients
-- What is requeued keeps the recipients that still wait.
DELETE FROM recipient
 WHERE message_id IN carray(:ids)
   AND EXISTS (SELECT 1 FROM outcome
                WHERE outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
                  AND outcome.action <> 'deferred');

-- name: make_due
UPDATE deferred SET retry_at = :now, asked = 1 WHERE message_id IN carray(:ids) AND retry_at > :now
RETURNING message_id;

-- name: begin_whole_flush
INSERT INTO whole_flush (requested_at, reached_at, reached_id) VALUES (:now, :now, 0);

-- name: load_whole_flush
SELECT requested_at, reached_at, reached_id FROM whole_flush;

-- name: advance_whole_flush
UPDATE whole_flush SET reached_at = :at, reached_id = :id;

-- name: end_whole_flush
DELETE FROM whole_flush;

-- name: slice_of_deferred
-- What is due next after a message.
SELECT message_id, retry_at, entered_at FROM deferred
 WHERE retry_at >= :at AND (retry_at > :at OR message_id > :id)
 ORDER BY retry_at, message_id LIMIT :limit;

-- name: insert_flush
INSERT INTO flush (requested_at) VALUES (:now);

-- name: hold_messages
-- (An empty list of ids holds a -1: see numbers.)
INSERT INTO hold (message_id, entered_at, reason) SELECT value, :now, :reason FROM carray(:ids) WHERE value >= 0;

-- name: defer_messages
INSERT INTO deferred (message_id, entered_at, retry_at) SELECT value, :now, :now FROM carray(:ids) WHERE value >= 0;

-- name: submit_messages
INSERT INTO maildrop (message_id, entered_at) SELECT value, :now FROM carray(:ids) WHERE value >= 0;

-- name: noticed_messages
-- Those of some messages whose sender is about to be told of something.
SELECT message_id FROM notice WHERE message_id IN carray(:ids);
