-- What operators did, and how they found what they changed.

-- name: insert_operation
INSERT INTO operation (at, author, uid, verb, because, selection, messages) VALUES (?, ?, ?, ?, ?, ?, 0)
RETURNING operation_id;

-- name: count_operation
UPDATE operation SET messages = messages + :messages WHERE operation_id = :operation;

-- name: delete_empty_operation
DELETE FROM operation WHERE operation_id = :operation AND messages = 0;

-- name: mark_undone
UPDATE operation SET undone_at = :now WHERE operation_id = :operation;

-- name: load_operation
SELECT operation_id, at, author, uid, verb, because, selection, messages, undone_at
  FROM operation WHERE operation_id = :operation;

-- name: last_operation
-- The latest one that stands.
SELECT operation_id, at, author, uid, verb, because, selection, messages, undone_at
  FROM operation WHERE undone_at IS NULL ORDER BY operation_id DESC LIMIT 1;

-- name: recent_operations
SELECT operation_id, at, author, uid, verb, because, selection, messages, undone_at
  FROM operation ORDER BY operation_id DESC LIMIT :limit;

-- name: keep_places
-- Where messages are, before they are moved.
INSERT INTO change (operation_id, message_id, state, entered_at, retry_at, asked, reason, before)
SELECT :operation, message_id, 'maildrop', entered_at, NULL, 0, '', '{}' FROM carray(:ids) CROSS JOIN maildrop ON message_id = value
           WHERE EXISTS (SELECT 1 FROM maildrop)
UNION ALL SELECT :operation, message_id, 'incoming', entered_at, NULL, 0, '', '{}'
            FROM carray(:ids) CROSS JOIN incoming ON message_id = value
           WHERE EXISTS (SELECT 1 FROM incoming)
UNION ALL SELECT :operation, message_id, 'active', entered_at, NULL, asked, '', '{}'
            FROM carray(:ids) CROSS JOIN active ON message_id = value
           WHERE EXISTS (SELECT 1 FROM active)
UNION ALL SELECT :operation, message_id, 'deferred', entered_at, retry_at, asked, '', '{}'
            FROM carray(:ids) CROSS JOIN deferred ON message_id = value
           WHERE EXISTS (SELECT 1 FROM deferred)
UNION ALL SELECT :operation, message_id, 'hold', entered_at, NULL, 0, reason, '{}'
            FROM carray(:ids) CROSS JOIN hold ON message_id = value
           WHERE EXISTS (SELECT 1 FROM hold)
UNION ALL SELECT :operation, message_id, 'corrupt', entered_at, NULL, 0, reason, '{}'
            FROM carray(:ids) CROSS JOIN corrupt ON message_id = value
           WHERE EXISTS (SELECT 1 FROM corrupt)
    ON CONFLICT DO NOTHING;

-- name: keep_rows
-- The rows of messages that are about to change.
UPDATE change
   SET before = json_object(
        'sender', (SELECT message.sender FROM message WHERE message.message_id = change.message_id),
        'expiring', (SELECT forced_expiry.asked_at FROM forced_expiry WHERE forced_expiry.message_id = change.message_id),
        'crashes', (SELECT crash.count FROM crash WHERE crash.message_id = change.message_id),
        'urgent', (SELECT count(*) FROM priority WHERE priority.message_id = change.message_id),
        'routes', json((SELECT json_group_array(json_array(number, operation_id, transport, nexthop))
                     FROM reroute WHERE reroute.message_id = change.message_id)),
        'recipients', json((SELECT json_group_array(json_array(number, address, original, orcpt, notify))
                         FROM recipient WHERE recipient.message_id = change.message_id)),
        'outcomes', json((SELECT json_group_array(json_array(number, part, action, dsn, reason, relay, remote, reply, success, address,
                                                             noticed, delay_told, at))
                       FROM outcome WHERE outcome.message_id = change.message_id)))
 WHERE operation_id = :operation AND message_id IN carray(:ids) AND before = '{}';

-- name: changes_with_rows
SELECT message_id FROM change WHERE operation_id = :operation AND message_id IN carray(:ids) AND before <> '{}';

-- name: load_changes
SELECT message_id, state FROM change WHERE operation_id = :operation;

-- name: changed_again
-- Those of some messages that a later operation changed, which stands and can be undone: since the message passed cleanup again,
-- of older ones only what they said of the message beside its recipients.
SELECT DISTINCT change.message_id FROM change JOIN operation USING (operation_id) JOIN message USING (message_id)
 WHERE change.operation_id > :operation AND operation.undone_at IS NULL AND change.message_id IN carray(:ids)
   AND (operation.at >= message.created_at OR operation.verb IN ('reroute', 'prioritise', 'sender'));

-- name: expire_operations
-- Of the oldest what is too old, so that no transaction is long.
DELETE FROM change
 WHERE (operation_id, message_id) IN
       (SELECT change.operation_id, change.message_id FROM change
         WHERE change.operation_id <= (SELECT max(operation_id) FROM operation WHERE at < :before)
         ORDER BY change.operation_id LIMIT :limit);

-- name: expire_empty_operations
DELETE FROM operation
 WHERE at < :before AND NOT EXISTS (SELECT 1 FROM change WHERE change.operation_id = operation.operation_id)
   AND NOT EXISTS (SELECT 1 FROM event WHERE event.operation_id = operation.operation_id);

-- name: any_operation
SELECT 1 FROM operation LIMIT 1;

-- name: expire_reroutes
DELETE FROM reroute
 WHERE message_id IN (SELECT message_id FROM reroute
                       WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.message_id = reroute.message_id) LIMIT :limit);

-- name: expire_priorities
DELETE FROM priority
 WHERE message_id IN (SELECT message_id FROM priority
                       WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.message_id = priority.message_id) LIMIT :limit);

-- name: trash_messages
INSERT INTO trash (message_id, entered_at, size)
SELECT message_id, :now, size FROM carray(:ids) CROSS JOIN message ON message_id = value;

-- name: put_into_trash
INSERT INTO trash (message_id, entered_at, size) VALUES (?, ?, ?);

-- name: leave_trash
DELETE FROM trash WHERE message_id IN carray(:ids);

-- name: oldest_trash
SELECT message_id, entered_at, size FROM trash ORDER BY entered_at LIMIT :limit;

-- name: size_of_trash
SELECT coalesce(sum(size), 0) FROM trash;
