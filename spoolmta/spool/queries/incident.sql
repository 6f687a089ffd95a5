-- What came in by one login, from one client, from one sender.

-- name: suspects_between
-- Those messages of a range that fit; a pattern that is NULL fits all.
SELECT message_id, queue_id, arrived_at, sender, client_address, sasl_username
  FROM message
 WHERE message_id > :after AND message_id <= :upto
   AND (:sasl_user IS NULL OR lower(sasl_username) GLOB :sasl_user)
   AND (:client IS NULL OR lower(client_address) GLOB :client)
   AND (:sender IS NULL OR lower(sender) GLOB :sender);

-- name: traces_back
-- Of a slice of the journal what came in, with what is told of it if it fits, and who has got something, the latest first.
SELECT message_id, at, kind = 'sent', recipient, CASE WHEN kind = 'sent' THEN detail ->> 'relay' END,
       CASE WHEN kind = 'accepted'
             AND (:sasl_user IS NULL OR lower(detail ->> 'sasl_username') GLOB :sasl_user)
             AND (:client IS NULL OR lower(detail ->> 'client') GLOB :client)
             AND (:sender IS NULL OR lower(detail ->> 'sender') GLOB :sender) THEN detail END
  FROM journal
 WHERE event_id > :low AND event_id <= :high AND kind IN ('accepted', 'sent')
 ORDER BY event_id DESC;

-- name: count_waiting_recipients
-- How many recipients of some messages have no final answer.
SELECT count(*)
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred';
