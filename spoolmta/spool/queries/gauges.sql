-- What a screen shows again and again: each statement is bounded, whatever waits.

-- name: recent_events
-- How often what happened lately, among the last events, and since when (of those that are not too old).
SELECT kind, count(*), min(at) FROM journal WHERE event_id > :after AND at >= :since GROUP BY kind;

-- name: bounds_of_messages
SELECT (SELECT min(message_id) FROM message), (SELECT max(message_id) FROM message);

-- name: ages_between
-- The recipients without a final answer of some messages: how old, for which address, put off with what.
SELECT message.arrived_at, recipient.address, outcome.dsn, outcome.reason, message.queue_id
  FROM message
  JOIN recipient USING (message_id)
  LEFT JOIN outcome ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE message.message_id >= :first AND message.message_id <= :last
   AND coalesce(outcome.action, 'deferred') = 'deferred';

-- name: end_of_range
-- The last of the next messages in a range.
SELECT max(message_id)
  FROM (SELECT message_id FROM message
         WHERE message_id >= :first AND message_id <= :last ORDER BY message_id LIMIT :limit);

-- name: busy_destinations
SELECT delivery.destination, count(*)
  FROM (SELECT delivery_id FROM granted UNION ALL SELECT delivery_id FROM attempt) AS gone
 CROSS JOIN delivery USING (delivery_id) GROUP BY delivery.destination;

-- name: dead_destinations
SELECT destination, dead_until FROM destination WHERE dead_until > :now LIMIT :limit;
