-- Messages that an operator wants returned.

-- name: force_expiry
INSERT OR IGNORE INTO forced_expiry (message_id, asked_at) VALUES (?, ?);

-- name: forced_expiries
SELECT message_id FROM forced_expiry WHERE message_id IN carray(:ids);

-- name: delete_forced_expiries
DELETE FROM forced_expiry WHERE message_id IN carray(:ids);

-- name: untried_recipients
SELECT recipient.number, recipient.address, recipient.original
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id = :message_id AND outcome.action IS NULL ORDER BY recipient.number;
