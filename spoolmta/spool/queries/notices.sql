-- Reports to senders that are to be written.

-- name: claim_notices
-- Messages with notices, oldest first, that nobody has claimed.
INSERT INTO claim (message_id, process_id, claimed_at)
SELECT notice.message_id, :process_id, :now
  FROM notice
 WHERE NOT EXISTS (SELECT 1 FROM claim WHERE claim.message_id = notice.message_id)
 GROUP BY notice.message_id
 ORDER BY notice.message_id LIMIT :limit
RETURNING message_id;

-- name: load_notices
SELECT message_id, kind, retry_at FROM notice WHERE message_id IN carray(:ids) ORDER BY message_id, kind;

-- name: load_outcomes
SELECT number, part, action, dsn, reason, relay, remote, reply, success, noticed, at, address, delay_told
  FROM outcome WHERE message_id = :message_id AND part >= 0 ORDER BY number, part;

-- name: delete_notices
DELETE FROM notice WHERE message_id = :message_id;

-- name: forget_trace
-- The sender has the report of the first attempt that was asked for.
UPDATE message SET trace = '' WHERE message_id = :message_id AND trace = 'report';
