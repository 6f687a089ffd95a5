-- Whose messages an operator means. Each statement is one option of the selector and reads the table that decides it from end
-- to end, once: at a million messages that takes about a second, and an index would cost every message that is accepted.

-- name: select_sender
SELECT message_id FROM message WHERE lower(sender) GLOB :pattern;

-- name: select_sender_exactly
SELECT message_id FROM message WHERE sender = :text COLLATE NOCASE;

-- name: select_client
SELECT message_id FROM message WHERE lower(client_address) GLOB :pattern OR lower(client_name) GLOB :pattern;

-- name: select_sasl_user
SELECT message_id FROM message WHERE lower(sasl_username) GLOB :pattern;

-- name: select_older_than
SELECT message_id FROM message WHERE arrived_at <= :before;

-- name: select_recipient
-- Recipients that wait, by their address as it is or as it was received.
SELECT recipient.message_id, recipient.number FROM recipient
 WHERE (lower(recipient.address) GLOB :pattern OR lower(recipient.original) GLOB :pattern)
   AND NOT EXISTS (SELECT 1 FROM outcome
                    WHERE outcome.message_id = recipient.message_id AND outcome.number = recipient.number
                      AND outcome.part = 0 AND outcome.action <> 'deferred');

-- name: select_domain
SELECT recipient.message_id, recipient.number FROM recipient
 WHERE lower(recipient.address) GLOB :pattern
   AND NOT EXISTS (SELECT 1 FROM outcome
                    WHERE outcome.message_id = recipient.message_id AND outcome.number = recipient.number
                      AND outcome.part = 0 AND outcome.action <> 'deferred');

-- name: select_nexthop
-- Where mail is on its way to, or was going before it was put off.
SELECT message_id FROM delivery WHERE lower(nexthop) GLOB :pattern
UNION ALL
SELECT message_id FROM event WHERE kind IN ('resolved', 'passed') AND lower(detail ->> 'nexthop') GLOB :pattern;

-- name: select_reason
SELECT message_id FROM outcome WHERE action = 'deferred' AND lower(reason) GLOB :pattern
UNION ALL SELECT message_id FROM hold WHERE lower(reason) GLOB :pattern
UNION ALL SELECT message_id FROM corrupt WHERE lower(reason) GLOB :pattern;

-- name: select_maildrop
SELECT message_id FROM maildrop;

-- name: select_incoming
SELECT message_id FROM incoming;

-- name: select_active
SELECT message_id FROM active;

-- name: select_deferred
SELECT message_id FROM deferred;

-- name: select_hold
SELECT message_id FROM hold;

-- name: select_corrupt
SELECT message_id FROM corrupt;

-- name: count_by_sender
SELECT sender, count(*) AS messages FROM message WHERE message_id IN carray(:ids)
 GROUP BY sender ORDER BY messages DESC, sender LIMIT :limit;

-- name: count_by_domain
-- Where the recipients that wait are, by their domains: the text behind the last @.
SELECT lower(substr(recipient.address, length(rtrim(recipient.address, replace(recipient.address, '@', ''))) + 1)) AS domain,
       count(DISTINCT recipient.message_id) AS messages
  FROM recipient LEFT JOIN outcome
    ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
 WHERE recipient.message_id IN carray(:ids) AND coalesce(outcome.action, 'deferred') = 'deferred'
 GROUP BY domain ORDER BY messages DESC, domain LIMIT :limit;
