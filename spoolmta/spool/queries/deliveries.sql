-- Deliveries: planned by trivial_rewrite, granted by qmgr, attempted and reported by agents, answered by qmgr.

-- name: insert_delivery
INSERT INTO delivery (delivery_id, message_id, transport, nexthop, destination, planned_at, passes)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: insert_delivery_recipient
INSERT INTO delivery_recipient (delivery_id, number, address) VALUES (?, ?, ?);

-- name: waiting_deliveries
-- Planned after the last one seen, and neither granted nor under way nor reported: the scheduler's todo.
SELECT delivery.delivery_id, delivery.message_id, delivery.transport, delivery.destination, active.asked,
       EXISTS (SELECT 1 FROM priority WHERE priority.message_id = delivery.message_id)
  FROM delivery JOIN active USING (message_id)
 WHERE delivery.delivery_id > :after
   AND NOT EXISTS (SELECT 1 FROM granted
                    WHERE granted.transport = delivery.transport AND granted.delivery_id = delivery.delivery_id)
   AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery_id = delivery.delivery_id)
   AND NOT EXISTS (SELECT 1 FROM report WHERE report.delivery_id = delivery.delivery_id)
 ORDER BY delivery.delivery_id LIMIT :limit;

-- name: granted_deliveries
-- Let go and not yet reported, at the scheduler's start.
SELECT delivery.delivery_id, delivery.message_id, delivery.transport, delivery.destination
  FROM granted JOIN delivery USING (delivery_id);

-- name: attempted_deliveries
-- Under way, at the scheduler's start.
SELECT delivery.delivery_id, delivery.message_id, delivery.transport, delivery.destination
  FROM attempt JOIN delivery USING (delivery_id);

-- name: insert_granted
-- Only what still exists is let go, and no message that an operator holds; the ids that come back tell which.
INSERT INTO granted (transport, delivery_id, granted_at)
SELECT delivery.transport, delivery.delivery_id, :now
  FROM delivery JOIN active USING (message_id) WHERE delivery.delivery_id IN carray(:ids)
RETURNING delivery_id;

-- name: take_granted
DELETE FROM granted WHERE transport = :transport AND delivery_id IN
    (SELECT delivery_id FROM granted WHERE transport = :transport ORDER BY delivery_id LIMIT :limit)
RETURNING delivery_id, granted_at;

-- name: suspects
-- Of deliveries just taken, those whose message so many processes died with.
SELECT delivery.delivery_id FROM delivery JOIN crash USING (message_id)
 WHERE delivery.delivery_id IN carray(:ids) AND crash.count >= :crashes;

-- name: has_attempts
SELECT 1 FROM attempt WHERE process_id = ? LIMIT 1;

-- name: give_back_granted
INSERT INTO granted (transport, delivery_id, granted_at) VALUES (?, ?, ?);

-- name: insert_attempt
INSERT INTO attempt (delivery_id, process_id, granted_at, started_at) VALUES (?, ?, ?, ?);

-- name: load_deliveries
SELECT delivery.delivery_id, delivery.message_id, message.queue_id, delivery.transport, delivery.nexthop, message.sender,
       message.size, message.encoding, message.smtputf8, message.envid, message.ret, message.arrived_at,
       delivery.planned_at, attempt.granted_at, attempt.started_at, delivery.passes,
       message.trace
  FROM delivery JOIN message USING (message_id) JOIN attempt USING (delivery_id)
 WHERE delivery.delivery_id IN carray(:ids);

-- name: load_delivery_recipients
SELECT delivery_recipient.delivery_id, recipient.number, delivery_recipient.address, recipient.original, recipient.orcpt,
       recipient.notify
  FROM delivery_recipient
  JOIN delivery USING (delivery_id)
  JOIN recipient ON recipient.message_id = delivery.message_id AND recipient.number = delivery_recipient.number
 WHERE delivery_recipient.delivery_id IN carray(:ids)
 ORDER BY delivery_recipient.delivery_id, delivery_recipient.number;

-- name: end_attempts
-- Fenced: a process that was found dead, or a message that was deleted, has no attempt any more.
DELETE FROM attempt WHERE delivery_id IN carray(:ids) AND process_id = :process_id RETURNING delivery_id;

-- name: insert_report
INSERT INTO report (delivery_id, verdict, dsn, reason, throttled, reported_at) VALUES (?, ?, ?, ?, ?, ?);

-- name: put_outcome
-- That the sender was told of a delay stays.
INSERT INTO outcome (message_id, number, part, action, dsn, reason, relay, remote, reply, success, address, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (message_id, number, part) DO UPDATE
   SET action = excluded.action, dsn = excluded.dsn, reason = excluded.reason, relay = excluded.relay,
       remote = excluded.remote, reply = excluded.reply, success = excluded.success, address = excluded.address,
       noticed = 0,
       at = excluded.at;

-- name: delete_further_outcomes
DELETE FROM outcome WHERE message_id = ? AND number = ? AND part > ?;

-- name: make_further_outcome
-- The place of the worst answer is wanted for another; that the sender was told of a delay stays there.
INSERT INTO outcome (message_id, number, part, action, dsn, reason, relay, remote, reply, success, address, noticed, at)
SELECT message_id, number, :part, action, dsn, reason, relay, remote, reply, success, address, noticed, at
  FROM outcome WHERE message_id = :message_id AND number = :number AND part = 0;

-- name: put_served
-- One more destination of a recipient that has the message: the parts go down from -1. Nobody is told of them.
INSERT INTO outcome (message_id, number, part, action, dsn, reason, relay, remote, reply, success, address, noticed, at)
SELECT :message_id, :number, coalesce(min(part), 0) - 1, 'sent', '2.0.0', '', '', '', '', '', :destination, 1, :now
  FROM outcome WHERE message_id = :message_id AND number = :number AND part < 0;

-- name: load_told
-- The ends of destinations that the sender has been told of while others of the recipient were tried.
SELECT action, dsn, address, reason FROM outcome
 WHERE message_id = :message_id AND number = :number AND part >= 0 AND noticed = 1 AND action <> 'deferred';

-- name: load_served
SELECT address FROM outcome WHERE message_id = :message_id AND number = :number AND part < 0;

-- name: load_fresh_actions
-- What has been said since the message became active.
SELECT outcome.number, outcome.part, outcome.action FROM outcome JOIN active USING (message_id)
 WHERE outcome.message_id = ? AND outcome.at >= active.entered_at AND outcome.part >= 0
 ORDER BY outcome.number, outcome.part;

-- name: last_deliveries
-- Of ended deliveries, those that are all there ever was to do for their messages.
SELECT delivery.delivery_id
  FROM delivery JOIN active USING (message_id)
 WHERE delivery.delivery_id IN carray(:ids)
   AND NOT EXISTS (SELECT 1 FROM delivery AS other
                    WHERE other.message_id = delivery.message_id AND other.delivery_id <> delivery.delivery_id)
   AND NOT EXISTS (SELECT 1 FROM outcome WHERE outcome.message_id = delivery.message_id)
   AND NOT EXISTS (SELECT 1 FROM unplanned WHERE unplanned.message_id = delivery.message_id);

-- name: load_reports
-- Of a message that is gone the report alone is left.
SELECT report.delivery_id, report.verdict, report.dsn, report.reason, report.throttled,
       delivery.message_id, delivery.transport, delivery.destination, active.asked,
       EXISTS (SELECT 1 FROM priority WHERE priority.message_id = delivery.message_id)
  FROM report LEFT JOIN delivery USING (delivery_id) LEFT JOIN active USING (message_id) ORDER BY report.delivery_id LIMIT :limit;

-- name: delete_reports
DELETE FROM report WHERE delivery_id IN carray(:ids);

-- name: delete_deliveries
DELETE FROM delivery WHERE delivery_id IN carray(:ids);

-- name: delete_delivery_recipients
DELETE FROM delivery_recipient WHERE delivery_id IN carray(:ids);

-- name: put_destination
INSERT OR REPLACE INTO destination (transport, destination, window, success, failure, failed_cohorts, resting_until, dead_until,
                                    dsn, reason, pace, slowed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: delete_destination
DELETE FROM destination WHERE transport = ? AND destination = ?;

-- name: load_destinations
SELECT transport, destination, window, success, failure, failed_cohorts, resting_until, dead_until, dsn, reason, pace,
       slowed_at
  FROM destination;

-- name: existing_deliveries
SELECT delivery_id FROM delivery WHERE delivery_id IN carray(:ids);

-- name: load_suspended
-- What a suspended delivery's log line and outcomes need.
SELECT delivery.delivery_id, delivery.message_id, message.queue_id, message.arrived_at, delivery.planned_at,
       recipient.number, delivery_recipient.address, recipient.original, message.trace
  FROM delivery JOIN message USING (message_id) JOIN delivery_recipient USING (delivery_id)
  JOIN recipient ON recipient.message_id = delivery.message_id AND recipient.number = delivery_recipient.number
 WHERE delivery.delivery_id IN carray(:ids) ORDER BY delivery.delivery_id, recipient.number;

-- name: take_flush
DELETE FROM flush;

-- name: flush_asked
SELECT flush_id FROM flush LIMIT 1;

-- name: deliveries_of_messages
SELECT delivery_id FROM delivery WHERE message_id IN carray(:ids);

-- name: attempts_of_messages
SELECT delivery.message_id FROM attempt JOIN delivery USING (delivery_id) WHERE delivery.message_id IN carray(:ids);

-- name: delete_granted
DELETE FROM granted WHERE (transport, delivery_id) IN
    (SELECT transport, delivery_id FROM delivery WHERE delivery_id IN carray(:ids));

-- name: delete_attempts
DELETE FROM attempt WHERE delivery_id IN carray(:ids);
