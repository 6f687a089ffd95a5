-- Standing rules of operators, and the mail that they keep.

-- name: generation_of_rules
-- Changes with every change of what is in force; read with every batch, so it looks at what is in force alone.
SELECT max(rule_id), count(*) FROM rule WHERE ended_at IS NULL;

-- name: insert_rule
INSERT INTO rule (action, selection, transport, nexthop, concurrency, pause, dsn, text, author, uid, because, created_at,
                  ends_at, ended_at, ended_by, ended_because)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, '', '')
RETURNING rule_id;

-- name: end_rule
UPDATE rule SET ended_at = :now, ended_by = :by, ended_because = :because WHERE rule_id = :rule AND ended_at IS NULL;

-- name: rules_in_force
SELECT rule_id, action, selection, transport, nexthop, concurrency, pause, dsn, text, author, uid, because, created_at, ends_at,
       ended_at, ended_by, ended_because
  FROM rule WHERE ended_at IS NULL ORDER BY rule_id;

-- name: all_rules
SELECT rule_id, action, selection, transport, nexthop, concurrency, pause, dsn, text, author, uid, because, created_at, ends_at,
       ended_at, ended_by, ended_because
  FROM rule ORDER BY rule_id;

-- name: load_rule
SELECT rule_id, action, selection, transport, nexthop, concurrency, pause, dsn, text, author, uid, because, created_at, ends_at,
       ended_at, ended_by, ended_because
  FROM rule WHERE rule_id = :rule;

-- name: load_slowness
SELECT concurrency, pause FROM rule WHERE rule_id = :rule AND action = 'slow-down';

-- name: any_old_rule
SELECT 1 FROM rule WHERE ended_at < :before LIMIT 1;

-- name: expire_rules
DELETE FROM rule WHERE ended_at < :before;

-- name: put_bound
INSERT OR IGNORE INTO bound (message_id, rule_id) VALUES (?, ?);

-- name: put_all_bound
INSERT OR IGNORE INTO bound (message_id, rule_id) SELECT value, :rule FROM carray(:ids) WHERE value >= 0;

-- name: bound_of_messages
SELECT message_id, rule_id FROM bound WHERE message_id IN carray(:ids);

-- name: end_of_bound_slice
SELECT max(message_id) FROM (SELECT message_id FROM bound WHERE message_id > :after ORDER BY message_id LIMIT :limit);

-- name: forget_bound
DELETE FROM bound
 WHERE message_id > :after AND message_id <= :upto
   AND NOT EXISTS (SELECT 1 FROM message WHERE message.message_id = bound.message_id);

-- name: bound_by_rule
SELECT message_id FROM bound WHERE rule_id = :rule;

-- name: count_bound
SELECT count(*) FROM bound WHERE rule_id = :rule;

-- name: delete_bound
DELETE FROM bound WHERE rule_id = :rule;

-- name: held_by_rule
-- What a rule held, and nobody has released or held again.
SELECT hold.message_id FROM bound JOIN hold USING (message_id) WHERE bound.rule_id = :rule AND hold.reason = :reason;

-- name: bound_and_not_due
SELECT deferred.message_id FROM bound JOIN deferred USING (message_id) WHERE bound.rule_id = :rule AND deferred.retry_at > :now;

-- name: let_due
UPDATE deferred SET retry_at = :now WHERE message_id IN carray(:ids);

-- name: sources_of_messages
SELECT message_id, sender, client_name, client_address, sasl_username, trace FROM message WHERE message_id IN carray(:ids);

-- name: originals_of_recipients
-- Of the recipients from :first to :last of some messages, those that were received as another address.
SELECT message_id, number, original FROM recipient
 WHERE message_id IN carray(:ids) AND number BETWEEN :first AND :last AND original <> address;

-- name: probes_of_messages
-- Those of some messages that only ask what would happen.
SELECT message_id FROM message WHERE message_id IN carray(:ids) AND trace = 'verify';

-- name: recipients_on_their_way
-- Of deliveries that no agent has in hand or has ended, and that trivial_rewrite planned.
SELECT delivery.message_id, delivery.delivery_id, delivery_recipient.number, delivery_recipient.address
  FROM delivery JOIN delivery_recipient USING (delivery_id)
 WHERE delivery.message_id IN carray(:ids) AND delivery.passes = 0
   AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery_id = delivery.delivery_id)
   AND NOT EXISTS (SELECT 1 FROM report WHERE report.delivery_id = delivery.delivery_id);

-- name: active_since
SELECT message_id FROM active WHERE entered_at >= :since;

-- name: messages_by_way
-- Active messages some of which goes by a transport, to any next hop (:any) or to one.
SELECT DISTINCT message_id FROM delivery WHERE transport = :transport AND (:any OR nexthop = :nexthop);

-- name: messages_slowed
SELECT DISTINCT message_id FROM delivery WHERE destination GLOB :pattern;

-- name: give_up_resolving
-- What is being resolved at this moment is resolved again.
DELETE FROM claim
 WHERE EXISTS (SELECT 1 FROM incoming WHERE incoming.message_id = claim.message_id)
    OR EXISTS (SELECT 1 FROM deferred WHERE deferred.message_id = claim.message_id)
    OR EXISTS (SELECT 1 FROM unplanned WHERE unplanned.message_id = claim.message_id);
