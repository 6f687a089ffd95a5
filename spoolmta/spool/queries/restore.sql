-- What the present spool knows of mail that comes back with a backup.

-- name: carry_outcome
INSERT OR REPLACE INTO outcome (message_id, number, part, action, dsn, reason, relay, remote, reply, success, address, noticed,
                                delay_told, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: load_actions
SELECT number, part, action FROM outcome WHERE message_id = :message_id;
