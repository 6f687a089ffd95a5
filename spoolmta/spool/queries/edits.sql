-- Envelopes that an operator changes, and where an operator wants mail to go.

-- name: put_reroute
INSERT OR REPLACE INTO reroute (message_id, number, operation_id, transport, nexthop) VALUES (?, ?, ?, ?, ?);

-- name: load_reroutes
SELECT message_id, number, operation_id, transport, nexthop FROM reroute WHERE message_id IN carray(:ids);

-- name: delete_reroute
DELETE FROM reroute WHERE message_id = ? AND number = ?;

-- name: waiting_recipients
-- The recipients of some messages that have no final answer.
SELECT recipient.message_id, recipient.number
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred';

-- name: make_all_due
UPDATE deferred SET retry_at = :now, asked = 1 WHERE message_id IN carray(:ids) AND retry_at > :now;

-- name: make_first_due
-- Before everything else that is due.
UPDATE deferred SET retry_at = (SELECT min(:now, min(first.retry_at)) - 1 FROM deferred AS first), asked = 1
 WHERE message_id IN carray(:ids);

-- name: put_priority
INSERT OR IGNORE INTO priority (message_id) SELECT value FROM carray(:ids) WHERE value >= 0;

-- name: change_sender
UPDATE message SET sender = :sender WHERE message_id IN carray(:ids);

-- name: has_recipient
-- Those of some messages that a recipient waits in already.
SELECT DISTINCT recipient.message_id
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND lower(recipient.address) = lower(:address)
   AND coalesce(outcome.action, 'deferred') = 'deferred';

-- name: add_recipient
INSERT INTO recipient (message_id, number, address, original, orcpt, notify)
SELECT message_id, max(number) + 1, :address, :address, '', 0 FROM recipient WHERE message_id IN carray(:ids) GROUP BY message_id;

-- name: waiting_that_fit
-- The recipients of some messages that wait and whose address fits.
SELECT recipient.message_id, recipient.number, recipient.address
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred'
   AND lower(recipient.address) GLOB :pattern;

-- name: count_waiting
SELECT recipient.message_id, count(*)
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred'
 GROUP BY recipient.message_id;

-- name: delete_recipient
DELETE FROM recipient WHERE message_id = ? AND number = ?;

-- name: delete_outcome
DELETE FROM outcome WHERE message_id = ? AND number = ?;

-- name: replace_address
UPDATE recipient SET address = ? WHERE message_id = ? AND number = ?;
