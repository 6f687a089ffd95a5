-- What the scheduler has before it, for somebody who asks.

-- name: read_schedule
-- Each destination's first waiting deliveries, the longest waiting first.
SELECT transport, destination, place, queue_id, delivery_id, waiting_since_at, under_way, concurrency, hindrance, until_at,
       explanation
  FROM v1_schedule WHERE place <= :places AND (:transport = '' OR transport = :transport) ORDER BY delivery_id LIMIT :limit;

-- name: count_schedule
-- By transport: how many deliveries wait, and for how many destinations.
SELECT transport, count(*), count(DISTINCT destination) FROM v1_schedule GROUP BY transport;

-- name: count_let_go
SELECT delivery.transport, count(*)
  FROM (SELECT delivery_id FROM granted UNION ALL SELECT delivery_id FROM attempt) AS gone
 CROSS JOIN delivery USING (delivery_id) GROUP BY delivery.transport;
