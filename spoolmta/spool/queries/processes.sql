-- Who works on the spool, and what the dead leave behind.

-- name: insert_process
INSERT INTO process (service, pid, start_ticks, boot_id, started_at)
VALUES (:service, :pid, :start_ticks, :boot_id, :now) RETURNING process_id;

-- name: load_processes
SELECT process_id, service, pid, start_ticks, boot_id FROM process;

-- name: delete_process
DELETE FROM process WHERE process_id = :process_id;

-- name: count_crashes_of_claims
INSERT INTO crash (message_id, count) SELECT message_id, 1 FROM claim WHERE process_id = :process_id
ON CONFLICT (message_id) DO UPDATE SET count = count + 1;

-- name: count_crashes_of_attempts
INSERT INTO crash (message_id, count)
SELECT DISTINCT delivery.message_id, 1 FROM attempt JOIN delivery USING (delivery_id) WHERE attempt.process_id = :process_id
ON CONFLICT (message_id) DO UPDATE SET count = count + 1;

-- name: tell_crashed_attempts
-- Into the journal: whom an attempt was for whose end nobody knows.
INSERT INTO event (at, message_id, kind, recipient, detail)
SELECT :now, delivery.message_id, 'crashed', delivery_recipient.address,
       json_object('transport', delivery.transport, 'nexthop', delivery.nexthop, 'started_at', attempt.started_at / 1000000.0,
                   'service', process.service, 'pid', process.pid)
  FROM attempt JOIN delivery USING (delivery_id) JOIN delivery_recipient USING (delivery_id)
  LEFT JOIN process USING (process_id)
 WHERE attempt.process_id = :process_id;

-- name: report_crashed_attempts
INSERT INTO report (delivery_id, verdict, dsn, reason, throttled, reported_at)
SELECT delivery_id, 'crashed', '', '', 0, :now FROM attempt WHERE process_id = :process_id;

-- name: delete_attempts_of_process
DELETE FROM attempt WHERE process_id = :process_id;

-- name: often_crashed
-- Messages that took three processes with them and that nobody works on now.
SELECT crash.message_id FROM crash
 WHERE crash.count >= :limit AND NOT EXISTS (SELECT 1 FROM claim WHERE claim.message_id = crash.message_id);

-- name: crashed_before
-- Those of some messages that a process has died with.
SELECT message_id FROM crash WHERE message_id IN carray(:ids) ORDER BY message_id;

-- name: any_crash
SELECT 1 FROM crash LIMIT 1;

-- name: states_of_messages
-- No id may be in :ids twice. The ids are walked through, not put into an index of their own for each state, as IN would; and
-- nothing is looked for in a state where nothing is.
SELECT message_id, 'maildrop' FROM carray(:ids) CROSS JOIN maildrop ON message_id = value WHERE EXISTS (SELECT 1 FROM maildrop)
UNION ALL SELECT message_id, 'incoming' FROM carray(:ids) CROSS JOIN incoming ON message_id = value WHERE EXISTS (SELECT 1 FROM incoming)
UNION ALL SELECT message_id, 'active' FROM carray(:ids) CROSS JOIN active ON message_id = value WHERE EXISTS (SELECT 1 FROM active)
UNION ALL SELECT message_id, 'deferred' FROM carray(:ids) CROSS JOIN deferred ON message_id = value WHERE EXISTS (SELECT 1 FROM deferred)
UNION ALL SELECT message_id, 'hold' FROM carray(:ids) CROSS JOIN hold ON message_id = value WHERE EXISTS (SELECT 1 FROM hold)
UNION ALL SELECT message_id, 'corrupt' FROM carray(:ids) CROSS JOIN corrupt ON message_id = value WHERE EXISTS (SELECT 1 FROM corrupt);

-- name: delete_notices_of_messages
DELETE FROM notice WHERE message_id IN carray(:ids);

-- name: delete_claims_of_messages
DELETE FROM claim WHERE message_id IN carray(:ids);
