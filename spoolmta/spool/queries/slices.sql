-- Active messages whose recipients are brought in in slices.

-- name: load_unplanned
-- What nobody is at, the message that has got least first.
SELECT message_id, next_number FROM unplanned
 WHERE NOT EXISTS (SELECT 1 FROM claim WHERE claim.message_id = unplanned.message_id)
 ORDER BY next_number LIMIT 100;

-- name: count_planned
SELECT delivery.transport, count(*)
  FROM delivery_recipient JOIN delivery USING (delivery_id)
 GROUP BY delivery.transport;

-- name: transports_of_message
SELECT transport FROM delivery WHERE message_id = :id;

-- name: claim_unplanned
INSERT INTO claim (message_id, process_id, claimed_at) VALUES (:message_id, :process_id, :now);

-- name: load_slice
SELECT recipient.number, recipient.address
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id = :message_id AND recipient.number >= :number
   AND (outcome.action IS NULL OR outcome.action = 'deferred')
 ORDER BY recipient.number LIMIT :limit;

-- name: count_unanswered
SELECT count(*)
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id = :id AND (outcome.action IS NULL OR outcome.action = 'deferred');

-- name: put_unplanned
INSERT INTO unplanned (message_id, next_number) VALUES (?, ?);

-- name: delete_unplanned
DELETE FROM unplanned WHERE message_id IN carray(:ids);
