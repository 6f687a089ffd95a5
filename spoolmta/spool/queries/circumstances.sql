-- What holds one message: where it stands, who has it in hand, what is known of its destinations.

-- name: load_standing
SELECT message.created_at,
       coalesce(deferred.entered_at, active.entered_at, hold.entered_at, incoming.entered_at, maildrop.entered_at,
                corrupt.entered_at),
       coalesce(deferred.asked, active.asked, 0),
       coalesce(crash.count, 0)
  FROM message
  LEFT JOIN deferred ON deferred.message_id = message.message_id
  LEFT JOIN active ON active.message_id = message.message_id
  LEFT JOIN hold ON hold.message_id = message.message_id
  LEFT JOIN incoming ON incoming.message_id = message.message_id
  LEFT JOIN maildrop ON maildrop.message_id = message.message_id
  LEFT JOIN corrupt ON corrupt.message_id = message.message_id
  LEFT JOIN crash ON crash.message_id = message.message_id
 WHERE message.message_id = :message_id;

-- name: load_hand
-- Which process has claimed a message; of one that is gone, only its number is known.
SELECT claim.process_id, process.service, process.pid, claim.claimed_at
  FROM claim LEFT JOIN process USING (process_id) WHERE claim.message_id = :message_id;

-- name: load_ways
-- The deliveries of a message, as far as they have come.
SELECT delivery.transport, delivery.nexthop, delivery.destination,
       CASE WHEN attempt.delivery_id IS NOT NULL THEN 'under way'
            WHEN report.delivery_id IS NOT NULL THEN 'answered'
            WHEN granted.delivery_id IS NOT NULL THEN 'granted'
            ELSE 'waiting' END,
       coalesce(attempt.started_at, report.reported_at, granted.granted_at, delivery.planned_at),
       (SELECT count(*) FROM delivery_recipient WHERE delivery_recipient.delivery_id = delivery.delivery_id),
       attempt.process_id, process.service, process.pid
  FROM delivery
  LEFT JOIN granted USING (transport, delivery_id)
  LEFT JOIN attempt ON attempt.delivery_id = delivery.delivery_id
  LEFT JOIN report ON report.delivery_id = delivery.delivery_id
  LEFT JOIN process ON process.process_id = attempt.process_id
 WHERE delivery.message_id = :message_id ORDER BY delivery.delivery_id LIMIT :limit;

-- name: latest_routes
-- Where a message was sent last, as the journal tells it; the latest first.
SELECT detail ->> 'transport', coalesce(detail ->> 'destination', detail ->> 'nexthop', '')
  FROM event
 WHERE message_id = :message_id AND operation_id IS NULL AND kind IN ('resolved', 'passed') ORDER BY event_id DESC LIMIT :limit;

-- name: load_destination
SELECT window, failed_cohorts, resting_until, dead_until, dsn, reason
  FROM destination WHERE transport = :transport AND destination = :destination;

-- name: count_busy
-- Deliveries that are let go or under way: to one destination, and by its transport.
SELECT coalesce(sum(delivery.destination = :destination), 0), count(*)
  FROM (SELECT delivery_id FROM granted UNION ALL SELECT delivery_id FROM attempt) AS gone
 CROSS JOIN delivery USING (delivery_id)
 WHERE delivery.transport = :transport;

-- name: latest_answers
-- The last answers that servers and agents gave for a message.
SELECT at, kind, recipient, coalesce(detail ->> 'dsn', ''), coalesce(detail ->> 'relay', ''), coalesce(detail ->> 'reason', '')
  FROM event
 WHERE message_id = :message_id AND operation_id IS NULL AND kind IN ('sent', 'deferred', 'bounced', 'crashed') ORDER BY event_id DESC LIMIT :limit;

-- name: notices_of_message
SELECT kind, retry_at FROM notice WHERE message_id = :message_id;

-- name: count_unplanned
-- How many recipients of a message are brought in later; 0 if it is not brought in in slices.
SELECT count(*) FROM unplanned JOIN recipient ON recipient.message_id = unplanned.message_id AND recipient.number >= next_number
 WHERE unplanned.message_id = :message_id;
