-- How much waits for a destination, and when it is tried: what an estimate is made of.

-- name: page_of_waiting
-- Recipients without a final answer whose address ends as asked for, a slice of all recipients at a time. Only of those whose
-- address does are the other rows read: the order of the join is said, lest message comes first.
SELECT recipient.message_id, deferred.retry_at, message.created_at,
       hold.message_id IS NOT NULL OR corrupt.message_id IS NOT NULL
  FROM recipient
 CROSS JOIN message USING (message_id)
  LEFT JOIN outcome ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
  LEFT JOIN deferred ON deferred.message_id = recipient.message_id
  LEFT JOIN hold ON hold.message_id = recipient.message_id
  LEFT JOIN corrupt ON corrupt.message_id = recipient.message_id
 WHERE recipient.message_id > :after AND recipient.message_id <= :upto
   AND substr(recipient.address, -length(:ending)) = :ending COLLATE NOCASE
   AND coalesce(outcome.action, 'deferred') = 'deferred';

-- name: end_of_page
-- The last of the next messages.
SELECT max(message_id) FROM (SELECT message_id FROM message WHERE message_id > :after ORDER BY message_id LIMIT :limit);

-- name: end_of_recipients
-- The message of the last of the next recipients: their rows are a third of the pages that those of messages are.
SELECT max(message_id) FROM (SELECT message_id FROM recipient WHERE message_id > :after ORDER BY message_id LIMIT :limit);

-- name: known_sites
-- The destinations of that name, of any transport, which the scheduler has learnt of or sends to at this moment.
SELECT transport, destination FROM destination WHERE destination = :name
UNION SELECT delivery.transport, delivery.destination
  FROM (SELECT delivery_id FROM granted UNION ALL SELECT delivery_id FROM attempt) AS gone
 CROSS JOIN delivery USING (delivery_id) WHERE delivery.destination = :name;
