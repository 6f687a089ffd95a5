-- The six state tables. A move is an insert there and a delete here, in the caller's transaction.

-- name: insert_message
INSERT INTO message (message_id, queue_id, origin, sender, size, arrived_at, created_at, envid, ret, encoding, smtputf8, uid,
                     full_name, client_name, client_reverse_name, client_address, client_port, client_helo, client_protocol,
                     sasl_method, sasl_username, sasl_sender, trace)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_recipient
INSERT INTO recipient (message_id, number, address, original, orcpt, notify) VALUES (?, ?, ?, ?, ?, ?);

-- name: enter_maildrop
INSERT INTO maildrop (message_id, entered_at) VALUES (?, ?);

-- name: enter_incoming
INSERT INTO incoming (message_id, entered_at) VALUES (?, ?);

-- name: enter_active
INSERT INTO active (message_id, entered_at, asked) VALUES (?, ?, ?);

-- name: enter_deferred
INSERT INTO deferred (message_id, entered_at, retry_at) VALUES (?, ?, ?);

-- name: enter_hold
INSERT INTO hold (message_id, entered_at, reason) VALUES (?, ?, ?);

-- name: enter_corrupt
INSERT INTO corrupt (message_id, entered_at, reason) VALUES (?, ?, ?);

-- name: leave_maildrop
DELETE FROM maildrop WHERE message_id IN carray(:ids);

-- name: leave_incoming
DELETE FROM incoming WHERE message_id IN carray(:ids);

-- name: leave_active
DELETE FROM active WHERE message_id IN carray(:ids);

-- name: leave_deferred
DELETE FROM deferred WHERE message_id IN carray(:ids);

-- name: count_deferred
-- What very many rows do to the tally, without its triggers.
UPDATE tally SET messages = messages + :more WHERE state = 'deferred';

-- name: leave_hold
DELETE FROM hold WHERE message_id IN carray(:ids);

-- name: leave_corrupt
DELETE FROM corrupt WHERE message_id IN carray(:ids);

-- name: claim_maildrop
-- Oldest first, what nobody has claimed.
INSERT INTO claim (message_id, process_id, claimed_at)
SELECT maildrop.message_id, :process_id, :now
  FROM maildrop
 WHERE NOT EXISTS (SELECT 1 FROM claim WHERE claim.message_id = maildrop.message_id)
 ORDER BY maildrop.message_id LIMIT :limit
RETURNING message_id;

-- name: claim_incoming
-- Oldest first, what nobody has claimed.
INSERT INTO claim (message_id, process_id, claimed_at)
SELECT incoming.message_id, :process_id, :now
  FROM incoming
 WHERE NOT EXISTS (SELECT 1 FROM claim WHERE claim.message_id = incoming.message_id)
 ORDER BY incoming.message_id LIMIT :limit
RETURNING message_id;

-- name: measure_incoming
-- How many messages wait to be taken, as far as :most, and which waits longest.
SELECT count(*), min(message_id) FROM (SELECT message_id FROM incoming ORDER BY message_id LIMIT :most);

-- name: claim_deferred
-- What is due, longest due first, and nobody has claimed.
INSERT INTO claim (message_id, process_id, claimed_at)
SELECT deferred.message_id, :process_id, :now
  FROM deferred
 WHERE deferred.retry_at <= :now
   AND NOT EXISTS (SELECT 1 FROM claim WHERE claim.message_id = deferred.message_id)
 ORDER BY deferred.retry_at LIMIT :limit
RETURNING message_id;

-- name: asked_messages
SELECT message_id FROM deferred WHERE message_id IN carray(:ids) AND asked;

-- name: release_claims
-- Give up messages that a process holds; how many rows went tells whether it still held them.
DELETE FROM claim WHERE process_id = :process_id AND message_id IN carray(:ids);

-- name: release_all_claims
DELETE FROM claim WHERE process_id = :process_id;

-- name: next_retry
SELECT min(retry_at) FROM deferred;

-- name: count_active
SELECT count(*) FROM active;

-- name: load_messages
SELECT message_id, queue_id, origin, sender, size, arrived_at, created_at, envid, ret, encoding, smtputf8, uid, full_name, trace,
       client_name, client_reverse_name, client_address, client_port, client_helo, client_protocol,
       sasl_method, sasl_username, sasl_sender
  FROM message WHERE message_id IN carray(:ids);

-- name: load_recipients
SELECT message_id, number, address, original, orcpt, notify
  FROM recipient WHERE message_id IN carray(:ids) ORDER BY message_id, number;

-- name: load_unanswered
-- Recipients that have no final outcome: what is to be routed at an activation.
SELECT recipient.message_id, recipient.number, recipient.address
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND (outcome.action IS NULL OR outcome.action = 'deferred')
 ORDER BY recipient.message_id, recipient.number LIMIT :limit;

-- name: load_senders
SELECT message_id, queue_id, sender, size FROM message WHERE message_id IN carray(:ids);

-- name: delete_messages
DELETE FROM message WHERE message_id IN carray(:ids);

-- name: delete_recipients
DELETE FROM recipient WHERE message_id IN carray(:ids);

-- name: delete_contents
DELETE FROM content WHERE message_id IN carray(:ids);

-- name: delete_other_pieces
-- All content of a message but pieces 1 to :kept.
DELETE FROM content WHERE message_id = :id AND (piece = 0 OR piece > :kept);

-- name: delete_outcomes
DELETE FROM outcome WHERE message_id IN carray(:ids);

-- name: delete_crashes
DELETE FROM crash WHERE message_id IN carray(:ids);
