-- What became of every recipient, told by the journal and by the tables. A slice of messages each, so that no read is long.

-- name: audit_ids_of_messages
SELECT message_id FROM message WHERE message_id > :after ORDER BY message_id LIMIT 1 OFFSET :count;

-- name: audit_ids_of_events
-- Where a slice of so many events of the spool ends.
SELECT message_id FROM event WHERE message_id > :after AND operation_id IS NULL ORDER BY message_id LIMIT 1 OFFSET :count;

-- name: audit_slice
-- Accounts of recipients and how many there are of each; with the recipient where one is in no account.
WITH told AS MATERIALIZED (
    SELECT event_id, message_id, kind, recipient, detail FROM journal_by_message WHERE message_id > :low AND message_id <= :high
), life AS MATERIALIZED (
    SELECT message_id,
           max(event_id) FILTER (WHERE kind IN ('accepted', 'cleaned')) AS begun,
           max(kind = 'discarded') AS discarded,
           max(event_id) FILTER (WHERE kind = 'deleted') AS deleted,
           max(event_id) FILTER (WHERE kind = 'restored') AS restored,
           max(kind = 'removed') AS removed,
           max(event_id) FILTER (WHERE kind = 'expired') AS expired,
           max(event_id) FILTER (WHERE kind = 'requeued') AS requeued
      FROM told GROUP BY message_id
), place AS MATERIALIZED (
    SELECT message_id, count(*) AS places, min(state) AS state
      FROM (SELECT message_id, 'maildrop' AS state FROM maildrop WHERE message_id > :low AND message_id <= :high
            UNION ALL SELECT message_id, 'incoming' FROM incoming WHERE message_id > :low AND message_id <= :high
            UNION ALL SELECT message_id, 'active' FROM active WHERE message_id > :low AND message_id <= :high
            UNION ALL SELECT message_id, 'deferred' FROM deferred WHERE message_id > :low AND message_id <= :high
            UNION ALL SELECT message_id, 'hold' FROM hold WHERE message_id > :low AND message_id <= :high
            UNION ALL SELECT message_id, 'corrupt' FROM corrupt WHERE message_id > :low AND message_id <= :high)
     GROUP BY message_id
), named AS MATERIALIZED (
    SELECT told.message_id, one.key + coalesce(told.detail ->> 'first', 0) AS number, one.value AS address,
           instr(coalesce(told.detail -> 'expanded', '[]'), one.key) > 0
               AND one.key IN (SELECT value FROM json_each(told.detail, '$.expanded')) AS expanded
      FROM told JOIN life USING (message_id) JOIN json_each(told.detail, '$.recipients') AS one
     WHERE told.event_id >= life.begun AND told.kind IN ('accepted', 'cleaned', 'addressed')
), answered AS MATERIALIZED (
    -- Of a recipient with several destinations the worst of the last answers counts; here that one of them was final is enough.
    SELECT told.message_id, coalesce(told.detail ->> 'number', 0) AS number, max(told.event_id) AS last,
           max(told.kind = 'sent') AS sent, max(told.kind = 'bounced') AS bounced, max(told.kind = 'deferred') AS deferred,
           max(told.kind = 'recipient_dropped') AS dropped,
           max(told.kind = 'sent' AND (told.detail ->> 'reason' LIKE 'forwarded as %' OR told.detail ->> 'reason' = 'alias expanded'))
               AS forwarded
      FROM told JOIN life USING (message_id)
     WHERE told.event_id > life.begun AND told.kind IN ('sent', 'bounced', 'deferred', 'recipient_dropped')
     GROUP BY told.message_id, coalesce(told.detail ->> 'number', 0)
), gone AS (
    -- Recipients that the journal names and the spool has no row of.
    SELECT named.message_id, named.number, named.address,
           CASE WHEN answered.dropped THEN 'deleted'
                WHEN named.expanded OR (answered.forwarded AND NOT answered.bounced) THEN 'forwarded'
                WHEN answered.deferred AND life.expired > answered.last THEN 'expired'
                WHEN answered.bounced THEN 'bounced'
                WHEN answered.sent THEN 'delivered'
                WHEN life.discarded THEN 'discarded'
                WHEN life.deleted > coalesce(life.restored, 0) THEN 'deleted'
                WHEN message.message_id IS NOT NULL THEN '!its message is here, it is not, and had no answer'
                WHEN life.removed THEN '!its message was removed, and it had no answer'
                ELSE '!it is not here, and the journal tells no end' END AS account
      FROM named
      JOIN life USING (message_id)
      LEFT JOIN answered USING (message_id, number)
      LEFT JOIN message USING (message_id)
     WHERE NOT EXISTS (SELECT 1 FROM recipient
                        WHERE recipient.message_id = named.message_id AND recipient.number = named.number)
), here AS (
    SELECT recipient.message_id, recipient.number, recipient.address,
           CASE WHEN message.message_id IS NULL THEN '!its message is not here'
                WHEN life.begun IS NULL THEN '!the journal does not know its message'
                WHEN place.places > 1 THEN '!its message is in several states'
                WHEN place.places IS NULL AND life.deleted > coalesce(life.restored, 0) THEN 'deleted'
                WHEN place.places IS NULL THEN '!its message is in no state'
                WHEN NOT EXISTS (SELECT 1 FROM content WHERE content.message_id = recipient.message_id)
                THEN '!its message has no content'
                WHEN (SELECT sum(length(data)) FROM content WHERE content.message_id = recipient.message_id) <> message.size
                THEN '!a piece of its message is missing'
                WHEN named.number IS NULL AND life.requeued IS NULL
                     AND NOT EXISTS (SELECT 1 FROM told WHERE told.message_id = recipient.message_id
                                                          AND told.kind = 'recipient_added')
                THEN '!the journal does not know it'
                WHEN outcome.action = 'sent' AND answered.sent IS NOT 1 AND NOT named.expanded
                THEN '!it has an answer that the journal does not know'
                WHEN outcome.action = 'bounced' AND answered.bounced IS NOT 1 AND life.expired IS NULL
                THEN '!it has an answer that the journal does not know'
                WHEN outcome.action = 'bounced' THEN 'bounced'
                WHEN outcome.action = 'sent' THEN 'delivered'
                ELSE place.state END AS account
      FROM recipient
      LEFT JOIN message USING (message_id)
      LEFT JOIN life USING (message_id)
      LEFT JOIN place USING (message_id)
      LEFT JOIN named USING (message_id, number)
      LEFT JOIN answered USING (message_id, number)
      LEFT JOIN outcome ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
     WHERE recipient.message_id > :low AND recipient.message_id <= :high
), nobody AS (
    -- Messages of which not even a recipient is left.
    SELECT message.message_id, 0, '',
           '!it is in a state, and has no recipient' AS account
      FROM message JOIN place USING (message_id)
     WHERE NOT EXISTS (SELECT 1 FROM recipient WHERE recipient.message_id = message.message_id)
    UNION ALL
    SELECT place.message_id, 0, '', '!it is in a state, and the message is not here'
      FROM place WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.message_id = place.message_id)
)
SELECT account, iif(account GLOB '!*', message_id, 0), iif(account GLOB '!*', address, ''), count(*)
  FROM (SELECT * FROM gone UNION ALL SELECT * FROM here UNION ALL SELECT * FROM nobody)
 GROUP BY 1, 2, 3;
