-- Whose messages an operator means. Each statement is one option of the selector and reads the table that decides it from end
-- to end, once: at a million messages that takes about a second, and an index would cost every message that is accepted. What
-- decides for a whole message is asked of :all messages, or only of :ids (a list, or NULL), and tells its size, too.

-- name: select_sender
SELECT message_id, size FROM message WHERE :all AND lower(sender) GLOB :pattern
UNION ALL SELECT message_id, size FROM carray(:ids) CROSS JOIN message ON message_id = value WHERE lower(sender) GLOB :pattern;

-- name: select_sender_exactly
SELECT message_id, size FROM message WHERE :all AND sender = :pattern COLLATE NOCASE
UNION ALL SELECT message_id, size FROM carray(:ids) CROSS JOIN message ON message_id = value WHERE sender = :pattern COLLATE NOCASE;

-- name: select_client
SELECT message_id, size FROM message WHERE :all AND (lower(client_address) GLOB :pattern OR lower(client_name) GLOB :pattern)
UNION ALL SELECT message_id, size FROM carray(:ids) CROSS JOIN message ON message_id = value
           WHERE lower(client_address) GLOB :pattern OR lower(client_name) GLOB :pattern;

-- name: select_sasl_user
SELECT message_id, size FROM message WHERE :all AND lower(sasl_username) GLOB :pattern
UNION ALL SELECT message_id, size FROM carray(:ids) CROSS JOIN message ON message_id = value WHERE lower(sasl_username) GLOB :pattern;

-- name: select_older_than
SELECT message_id, size FROM message WHERE :all AND arrived_at <= :before
UNION ALL SELECT message_id, size FROM carray(:ids) CROSS JOIN message ON message_id = value WHERE arrived_at <= :before;

-- name: deferred_messages
SELECT messages FROM tally WHERE state = 'deferred';

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

-- Which of some messages are in a state, in the order of :ids, in which none may be twice.

-- name: those_in_maildrop
SELECT message_id FROM carray(:ids) CROSS JOIN maildrop ON message_id = value WHERE EXISTS (SELECT 1 FROM maildrop);

-- name: those_in_incoming
SELECT message_id FROM carray(:ids) CROSS JOIN incoming ON message_id = value WHERE EXISTS (SELECT 1 FROM incoming);

-- name: those_in_active
SELECT message_id FROM carray(:ids) CROSS JOIN active ON message_id = value WHERE EXISTS (SELECT 1 FROM active);

-- name: those_in_deferred
SELECT message_id FROM carray(:ids) CROSS JOIN deferred ON message_id = value WHERE EXISTS (SELECT 1 FROM deferred);

-- name: those_in_hold
SELECT message_id FROM carray(:ids) CROSS JOIN hold ON message_id = value WHERE EXISTS (SELECT 1 FROM hold);

-- name: those_in_corrupt
SELECT message_id FROM carray(:ids) CROSS JOIN corrupt ON message_id = value WHERE EXISTS (SELECT 1 FROM corrupt);

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
