-- What came in by one login, from one client, from one sender.

-- name: suspects_between
-- Those messages of a range that fit; a pattern that is NULL fits all.
SELECT message_id, queue_id, arrived_at, sender, client_address, sasl_username
  FROM message
 WHERE message_id > :after AND message_id <= :upto
   AND (:sasl_user IS NULL OR lower(sasl_username) GLOB :sasl_user)
   AND (:client IS NULL OR lower(client_address) GLOB :client)
   AND (:sender IS NULL OR lower(sender) GLOB :sender);

-- name: count_waiting_recipients
-- How many recipients of some messages have no final answer.
SELECT count(*)
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred';
