-- The spool of spoolmta: one SQLite file, <queue_directory>/spool.db. Tables in the order in which a message passes them.
--
-- A message is a row of `message` that hardly ever changes, its rows in `recipient` and `content`, and exactly one row in exactly
-- one of the six state tables (maildrop, incoming, active, deferred, hold, corrupt). A transition inserts there and deletes
-- here in one transaction. No status column repeats it.
--
-- Where rows are written for every message, a CHECK says OR: for IN with more than two values SQLite builds a table each time.
-- Times are integers, microseconds since 1970 UTC. Ids are made by the node that inserts (message/queue_id.py).
-- Read the v1_ views at the end for questions; their columns are a promise, the tables are not.

PRAGMA user_version = 5;

-- ------------------------------------------------------------------------------------------------ who works on the spool

-- Every process that has the spool open for work. Inserted by the process itself at its start, deleted by it at its end or
-- by the keeper when it is dead. Claims name it: with the row, the claims of a dead process fall free.
CREATE TABLE process (
    process_id  INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice: it is also the node number in the ids it makes
    service     TEXT    NOT NULL,                    -- master.cf service name
    pid         INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,                    -- with pid and boot_id it names one process for ever
    boot_id     TEXT    NOT NULL,
    started_at  INTEGER NOT NULL
) STRICT;

-- ------------------------------------------------------------------------------------------------------------ the message

-- One row a message. Inserted by smtpd, pickup, sendmail, bounce and local; deleted when its last recipient is answered.
CREATE TABLE message (
    message_id      INTEGER PRIMARY KEY,
    queue_id        TEXT    NOT NULL,                -- message_id as log readers know it
    origin          TEXT    NOT NULL,                -- smtpd, sendmail, bounce, notify, local
    sender          TEXT    NOT NULL,                -- '' is the null sender
    size            INTEGER NOT NULL,                -- bytes of content, with CRLF line ends
    arrived_at      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,                -- the lifetime counts from here; a requeue starts it afresh
    envid           TEXT    NOT NULL,
    ret             TEXT    NOT NULL CHECK (ret = '' OR ret = 'FULL' OR ret = 'HDRS'),
    encoding        TEXT    NOT NULL CHECK (encoding = '' OR encoding = '7bit' OR encoding = '8bit'), -- as the submitter called it, '' if he did not
    smtputf8        INTEGER NOT NULL CHECK (smtputf8 IN (0, 1)),
    uid             INTEGER,                         -- submitting user of local mail
    full_name       TEXT    NOT NULL,
    client_name     TEXT    NOT NULL,
    client_reverse_name TEXT NOT NULL,
    client_address  TEXT    NOT NULL,
    client_port     INTEGER NOT NULL,
    client_helo     TEXT    NOT NULL,
    client_protocol TEXT    NOT NULL,
    sasl_method     TEXT    NOT NULL,
    sasl_username   TEXT    NOT NULL,
    sasl_sender     TEXT    NOT NULL,
    -- The sender wants a report (sendmail -bv, -v): verify, of what would happen, and nothing is ever delivered; report, of the
    -- first attempt. The commit that writes the latter empties it, the only change that a row of this table sees.
    trace           TEXT    NOT NULL CHECK (trace = '' OR trace = 'verify' OR trace = 'report')
) STRICT;

-- Inserted and deleted with its message; never changed.
CREATE TABLE recipient (
    message_id INTEGER NOT NULL,
    number     INTEGER NOT NULL,                     -- 0, 1, 2 ... in the order of the envelope
    address    TEXT    NOT NULL,
    original   TEXT    NOT NULL,                     -- as received, before aliases
    orcpt      TEXT    NOT NULL,                     -- RFC 3461 ORCPT, "type;address", '' if none
    notify     INTEGER NOT NULL,                     -- RFC 3461 NOTIFY: 0 absent, 1 never, 2 success, 4 failure, 8 delay
    PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;

-- The content in pieces, CRLF line ends, no dot-stuffing. A large message's pieces are inserted while it is still arriving.
CREATE TABLE content (
    message_id INTEGER NOT NULL,
    piece      INTEGER NOT NULL,
    data       BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX content_by_message ON content (message_id, piece);

-- A message whose content is still arriving piece by piece. Deleted by the commit that accepts or abandons it; the keeper
-- removes what a dead process left.
CREATE TABLE upload (
    message_id INTEGER PRIMARY KEY,
    process_id INTEGER NOT NULL
) STRICT;
CREATE INDEX upload_by_process ON upload (process_id);

-- ------------------------------------------------------------------------------------------------------- the state tables

-- Handed in on this machine, not yet cleaned up. sendmail, bounce, local, a requeue -> maildrop -> pickup.
CREATE TABLE maildrop (
    message_id INTEGER PRIMARY KEY,
    entered_at INTEGER NOT NULL
) STRICT;

-- Accepted and cleaned up, not yet resolved. smtpd, pickup -> incoming -> trivial_rewrite.
CREATE TABLE incoming (
    message_id INTEGER PRIMARY KEY,
    entered_at INTEGER NOT NULL
) STRICT;

-- Resolved, with delivery rows. trivial_rewrite -> active -> agents (gone), qmgr (gone, or deferred), bounce.
CREATE TABLE active (
    message_id INTEGER PRIMARY KEY,
    entered_at INTEGER NOT NULL,
    asked      INTEGER NOT NULL DEFAULT 0            -- 1: somebody asked to try it now, so that defer_transports do not count
) STRICT;

-- Waiting for the next try. qmgr, bounce -> deferred -> trivial_rewrite when due.
CREATE TABLE deferred (
    message_id INTEGER PRIMARY KEY,
    entered_at INTEGER NOT NULL,
    retry_at   INTEGER NOT NULL,
    asked      INTEGER NOT NULL DEFAULT 0            -- 1: somebody asked to try it now (postqueue -f, -i, -s)
) STRICT;
CREATE INDEX deferred_by_retry_at ON deferred (retry_at);

-- How many messages are deferred: the one state that may be very deep, and that mail which is delivered at once never sees.
-- Kept by its triggers alone; to count the rows of a deep queue takes longer than whoever asks has.
CREATE TABLE tally (
    state    TEXT    NOT NULL PRIMARY KEY CHECK (state = 'deferred'),
    messages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tally (state, messages) VALUES ('deferred', 0);
CREATE TRIGGER deferred_enters AFTER INSERT ON deferred BEGIN
    UPDATE tally SET messages = messages + 1 WHERE state = 'deferred';
END;
CREATE TRIGGER deferred_leaves AFTER DELETE ON deferred BEGIN
    UPDATE tally SET messages = messages - 1 WHERE state = 'deferred';
END;

-- Kept until somebody says otherwise; never expires. smtpd, pickup, an operator -> hold -> an operator.
CREATE TABLE hold (
    message_id INTEGER PRIMARY KEY,
    entered_at INTEGER NOT NULL,
    reason     TEXT    NOT NULL
) STRICT;

-- An operator wants this message returned to its sender (postsuper -e, -f): the next time it is due, it is not tried any more.
-- A row whatever the message's state; deleted with the message, or by a requeue.
CREATE TABLE forced_expiry (
    message_id INTEGER PRIMARY KEY,
    asked_at   INTEGER NOT NULL
) STRICT;

-- Not understood, or its claimer died three times. Any stage -> corrupt -> an operator.
CREATE TABLE corrupt (
    message_id INTEGER PRIMARY KEY,
    entered_at INTEGER NOT NULL,
    reason     TEXT    NOT NULL
) STRICT;

-- Deleted by an operator, and kept for trash_lifetime, so that spoolmta undo can bring it back. Not a state: for everybody else
-- the message is gone. Any state -> trash -> gone, by the keeper.
CREATE TABLE trash (
    message_id INTEGER PRIMARY KEY,
    entered_at INTEGER NOT NULL,
    size       INTEGER NOT NULL                      -- bytes of content
) STRICT;
CREATE INDEX trash_by_entered_at ON trash (entered_at);

-- A stage works on this message (maildrop, incoming, deferred, or active with a notice). One owner; process numbers
-- are never used twice, so a late owner is told from the present one.
CREATE TABLE claim (
    message_id INTEGER PRIMARY KEY,
    process_id INTEGER NOT NULL,
    claimed_at INTEGER NOT NULL
) STRICT;

-- How often a process died with this message in its hands. At three the message goes to corrupt.
CREATE TABLE crash (
    message_id INTEGER PRIMARY KEY,
    count      INTEGER NOT NULL
) STRICT;

-- ---------------------------------------------------------------------------------------------------------------- delivery

-- Some recipients of one active message to one (transport, nexthop). Inserted by trivial_rewrite, or by the report of an agent
-- that passes a recipient to another transport; deleted by qmgr, or by the agent whose report removes the message. It waits for
-- the scheduler unless it stands in granted, attempt or report.
CREATE TABLE delivery (
    delivery_id INTEGER PRIMARY KEY,                 -- that of the event "resolved" or "passed": grows in the order of commits
    message_id  INTEGER NOT NULL,
    transport   TEXT    NOT NULL,
    nexthop     TEXT    NOT NULL,
    destination TEXT    NOT NULL,                    -- what the scheduler counts: the next hop, or user@nexthop
    planned_at  INTEGER NOT NULL,
    passes      INTEGER NOT NULL                     -- how often an agent passed its recipient to another transport
) STRICT;
CREATE INDEX delivery_by_message ON delivery (message_id);

CREATE TABLE delivery_recipient (
    delivery_id INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    address     TEXT    NOT NULL,                    -- where to deliver, after resolving, or as an agent passed it on
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

-- An active message whose recipients are brought in in slices, since there are so many: those from next_number on have no
-- delivery yet. Inserted by trivial_rewrite with the first slice; deleted with the last, or when the message leaves active.
CREATE TABLE unplanned (
    message_id  INTEGER PRIMARY KEY,
    next_number INTEGER NOT NULL
) STRICT;

-- Let go by the scheduler, inside its destination's window; any agent of the transport may take it.
CREATE TABLE granted (
    transport   TEXT    NOT NULL,
    delivery_id INTEGER NOT NULL,
    granted_at  INTEGER NOT NULL,
    PRIMARY KEY (transport, delivery_id)
) STRICT, WITHOUT ROWID;

-- Being delivered. After a crash, exactly these may have been delivered without our knowing.
CREATE TABLE attempt (
    delivery_id INTEGER PRIMARY KEY,
    process_id  INTEGER NOT NULL,
    granted_at  INTEGER NOT NULL,
    started_at  INTEGER NOT NULL
) STRICT;

-- An attempt has ended: the scheduler's feedback, taken and deleted by qmgr. The delivery may be gone with its message.
--   done     the destination answered, whatever it said of the recipients
--   failed   the destination as a whole failed (the reason counts against its window)
--   crashed  the agent died
CREATE TABLE report (
    delivery_id INTEGER PRIMARY KEY,
    verdict     TEXT    NOT NULL CHECK (verdict = 'done' OR verdict = 'failed' OR verdict = 'crashed'),
    dsn         TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    throttled   INTEGER NOT NULL,                    -- 1: the destination asked for less, by a reply of 421 or 4.7.x
    reported_at INTEGER NOT NULL
) STRICT;

-- The latest answer for a recipient: the delivered mark, the defer log and the bounce log in one. Written by agents and by
-- qmgr; final unless the action is 'deferred'. A recipient without a row has not been tried. Of several destinations of one
-- recipient each has its answer, of which the sender may hear: part 0 is the worst (deferred, bounced, sent), and what it says
-- counts for the recipient. A part below 0 is no answer: it names in address what has the message (an alias that names a mailbox,
-- a command, and somebody elsewhere), so that this destination does not get it again while others of the recipient are tried.
CREATE TABLE outcome (
    message_id INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    part       INTEGER NOT NULL,                     -- 0; 1, 2 ... for further destinations of a local recipient; -1, -2 ... for what it need not go to again
    action     TEXT    NOT NULL CHECK (action = 'sent' OR action = 'bounced' OR action = 'deferred'),
    dsn        TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    relay      TEXT    NOT NULL,
    remote     TEXT    NOT NULL,
    reply      TEXT    NOT NULL,
    success    TEXT    NOT NULL,                     -- delivered, relayed, expanded; '' if nobody is to be told of a success
    address    TEXT    NOT NULL,                     -- what the recipient was expanded to, and the answer speaks of; '' if to nothing
    noticed    INTEGER NOT NULL DEFAULT 0,           -- 1: the sender has been told, or need not be
    delay_told INTEGER NOT NULL DEFAULT 0,           -- 1: the sender knows that it is late; 2: and will be told of the end
    at         INTEGER NOT NULL,
    PRIMARY KEY (message_id, number, part)
) STRICT, WITHOUT ROWID;
-- What has an answer while others of the message wait: few, and whoever asks for them need not look at all that were put off.
CREATE INDEX outcome_by_message ON outcome (message_id) WHERE action <> 'deferred';

-- A report to the sender that is to be written: qmgr inserts it when an active message's deliveries are all answered; bounce
-- deletes it in the commit that puts the report into maildrop. retry_at: the message then goes to deferred until that time;
-- NULL: it is then gone.
CREATE TABLE notice (
    message_id INTEGER NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('failure', 'delay', 'success', 'trace')),
    retry_at   INTEGER,
    PRIMARY KEY (message_id, kind)
) STRICT, WITHOUT ROWID;

-- What the scheduler has learnt of a destination that mail goes to: how many deliveries it may have at once, and how much
-- feedback has added up to a change of that; until when it rests between deliveries, or is not tried at all and why (0: not
-- so). Written by qmgr: a dead mark or a rest at once, a window within seconds. A destination without a row is like new.
CREATE TABLE destination (
    transport      TEXT    NOT NULL,
    destination    TEXT    NOT NULL,
    window         INTEGER NOT NULL,
    success        REAL    NOT NULL,
    failure        REAL    NOT NULL,
    failed_cohorts REAL    NOT NULL,
    resting_until  INTEGER NOT NULL,
    dead_until     INTEGER NOT NULL,
    dsn            TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    pace           REAL    NOT NULL,                 -- seconds between deliveries since it asked for less; 0: it did not
    slowed_at      INTEGER NOT NULL,                 -- when it asked; the pace halves every ten minutes from then on
    PRIMARY KEY (transport, destination)
) STRICT, WITHOUT ROWID;

-- Somebody asked to try deferred mail now (postqueue -f, ETRN); taken by qmgr, which then forgets dead destinations.
CREATE TABLE flush (
    flush_id     INTEGER PRIMARY KEY,
    requested_at INTEGER NOT NULL
) STRICT;

-- Somebody asked to try all deferred mail now (postqueue -f), and not all of it is due yet. It is gone through slice by slice, by
-- who asked, or by the keeper if he came to an end before; what was deferred later is left alone. At most one row.
CREATE TABLE whole_flush (
    flush_id     INTEGER PRIMARY KEY,
    requested_at INTEGER NOT NULL,
    reached_at   INTEGER NOT NULL,                   -- retry_at of the last message that was looked at
    reached_id   INTEGER NOT NULL                    -- message_id of the last message that was looked at
) STRICT;

-- ------------------------------------------------------------------------------------------------- what operators have done

-- A command that changed the queue: one row for each, written in the transaction that did it; the number that spoolmta undo
-- takes. Kept as long as history.
CREATE TABLE operation (
    operation_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    author       TEXT    NOT NULL,                   -- login name of who did it
    uid          INTEGER NOT NULL,
    verb         TEXT    NOT NULL,                   -- hold release requeue delete bounce expire reroute recipients sender ...
    because      TEXT    NOT NULL,                   -- why, in the operator's words; '' if nothing was said
    selection    TEXT    NOT NULL,                   -- what was asked for, as a JSON object
    messages     INTEGER NOT NULL,
    undone_at    INTEGER                             -- NULL: it stands
) STRICT;

-- A message as an operation found it. before has the rows that the operation changed, as a JSON object.
CREATE TABLE change (
    operation_id INTEGER NOT NULL,
    message_id   INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    entered_at   INTEGER NOT NULL,
    retry_at     INTEGER,
    asked        INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    before       TEXT    NOT NULL,
    PRIMARY KEY (operation_id, message_id)
) STRICT, WITHOUT ROWID;

-- Where an operator wants a recipient's mail to go, whatever the tables say; read by trivial_rewrite at each activation. Of several
-- rows the latest operation's counts. Pickup numbers recipients afresh, and moves their rows along. Rows of mail that is gone are
-- deleted by the keeper.
CREATE TABLE reroute (
    message_id   INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    operation_id INTEGER NOT NULL,                   -- whose undo deletes the row
    transport    TEXT    NOT NULL,
    nexthop      TEXT    NOT NULL,
    PRIMARY KEY (message_id, number, operation_id)
) STRICT, WITHOUT ROWID;

-- Messages that an operator wants to go before all others. Rows of mail that is gone are deleted by the keeper.
CREATE TABLE priority (
    message_id INTEGER PRIMARY KEY
) STRICT;

-- A standing rule of an operator: what is done with all mail that fits, queued or yet to come, until it ends. trivial_rewrite
-- binds mail by it at each activation, and ends it at its time. It stays after its end, for its history.
CREATE TABLE rule (
    rule_id     INTEGER PRIMARY KEY AUTOINCREMENT,   -- the number that operators call it by
    action      TEXT    NOT NULL CHECK (action IN ('hold', 'suspend', 'reroute', 'slow-down', 'bounce')),
    selection   TEXT    NOT NULL,                    -- whose mail: a JSON object, patterns by option
    transport   TEXT    NOT NULL,                    -- reroute: where to; '' with the others
    nexthop     TEXT    NOT NULL,                    -- '': the mail keeps its own
    concurrency INTEGER NOT NULL,                    -- slow-down: so many deliveries at once to a destination; 0: as ever
    pause       REAL    NOT NULL,                    -- slow-down: seconds between two deliveries to a destination; 0: none
    dsn         TEXT    NOT NULL,                    -- bounce: enhanced status code that the sender is told; '' with the others
    text        TEXT    NOT NULL,                    -- and the text
    author      TEXT    NOT NULL,                    -- login name of who made it
    uid         INTEGER NOT NULL,
    because     TEXT    NOT NULL,                    -- why, in the operator's words
    created_at  INTEGER NOT NULL,
    ends_at     INTEGER,                             -- NULL: when somebody removes it
    ended_at    INTEGER,                             -- NULL: it is in force
    ended_by    TEXT    NOT NULL,                    -- who removed it; 'time'; '' while it is in force
    ended_because TEXT  NOT NULL                     -- why it was removed; '' otherwise
) STRICT;
CREATE INDEX rule_in_force ON rule (rule_id) WHERE ended_at IS NULL;

-- Mail that a rule in force keeps here, or has kept: what a hold rule has held once it does not hold again when somebody released
-- it; what is suspended is tried when the rule ends. The rows end with their rule.
CREATE TABLE bound (
    message_id INTEGER NOT NULL,
    rule_id    INTEGER NOT NULL,
    PRIMARY KEY (message_id, rule_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bound_by_rule ON bound (rule_id);

-- ------------------------------------------------------------------------------------------------------------- the journal

-- What happened, written in the transaction that did it; kept after the message is gone: the keeper then moves it to a day file
-- (spool/history.py). detail is a JSON object; message_id is 0 where no message is meant.
--   accepted cleaned refused discarded resolved passed granted crashed sent deferred bounced postponed expired held released
--   requeued flushed expiring noticed corrupted removed deleted returned recalled rerouted unrouted prioritised sender_changed
--   recipient_added recipient_dropped recipient_replaced restored undone ruled rule_added
--   rule_ended
-- expiring: an operator wants it returned. unrouted: what cleanup made of a rerouted recipient goes its usual way. accepted and cleaned name the first recipients, addressed the others. In sent,
-- deferred and bounced number is the recipient's, if that is not 0. The tables can be told from the events alone (tests/support/replay.py).
CREATE TABLE event (
    event_id   INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    recipient  TEXT    NOT NULL DEFAULT '',
    detail     TEXT    NOT NULL DEFAULT '{}',
    operation_id INTEGER                             -- of an operation on very many messages: it is found by that; NULL: by its message
) STRICT;
CREATE INDEX event_by_message ON event (message_id) WHERE operation_id IS NULL;
-- The same event of 100,000 messages is written behind all others here, and nowhere between the events of each message.
CREATE INDEX event_by_operation ON event (operation_id, message_id) WHERE operation_id IS NOT NULL;

-- ----------------------------------------------------------------------------------------------------------- the questions

-- Views for people and programs that ask. Their columns stay as they are as long as the name begins with v1_; new ones may
-- be added at the end. A time stands in them twice: seconds since 1970 UTC in a column that ends in _at, and as text. Read
-- them with `spoolmta sql`; docs/forensics.md has worked examples. Each column says on its own line what it is, which
-- `spoolmta sql --columns` prints.

-- The events that are in the spool, by number. Who reads the day files, too, puts a temporary view of the same name and shape over
-- all of them (spool/days.py), and the views below that read it.
CREATE VIEW journal (event_id, at, message_id, kind, recipient, detail, queue_id, operation_id) AS
SELECT event.event_id,
       event.at,
       event.message_id,
       event.kind,
       event.recipient,
       event.detail,
       coalesce((SELECT message.queue_id FROM message WHERE message.message_id = event.message_id),
                (SELECT accepted.detail ->> 'queue_id' FROM event AS accepted
                  WHERE accepted.message_id = event.message_id AND accepted.kind = 'accepted' AND accepted.operation_id IS NULL
                  ORDER BY accepted.event_id LIMIT 1),
                printf('%015X', event.message_id)),
       event.operation_id
  FROM event;

-- The same events, for who asks for those of a message. (An operation on fewer than a thousand messages has no events of its own.)
CREATE VIEW journal_by_message (event_id, at, message_id, kind, recipient, detail, queue_id) AS
SELECT event_id, at, message_id, kind, recipient, detail, queue_id FROM journal WHERE operation_id IS NULL
UNION ALL
SELECT told.event_id, told.at, told.message_id, told.kind, told.recipient, told.detail, told.queue_id
  FROM main.operation CROSS JOIN main.journal AS told ON told.operation_id = operation.operation_id
 WHERE operation.messages >= 1000;

-- One row a message that is in the spool, whatever its state.
CREATE VIEW v1_queue (
    queue_id,        -- the name of the message in logs and commands
    message_id,      -- the same as a number, by which everything else is found
    state,           -- maildrop, incoming, active, deferred, hold, corrupt
    sender,          -- envelope sender; empty: the null sender
    size,            -- bytes of content, with CRLF line ends
    origin,          -- who handed it in: smtpd, sendmail, bounce, notify, local
    arrived_at,      -- when it came in, seconds since 1970
    arrived,         -- the same as text, UTC
    age_seconds,     -- for how long it has been here
    entered_at,      -- when it came into its state, seconds since 1970
    entered,         -- the same as text, UTC
    next_try_at,     -- when a deferred message is due, seconds since 1970
    next_try,        -- the same as text, UTC
    recipients,      -- how many recipients it has
    waiting,         -- those of them that have no final answer yet
    last_reason,     -- why it is held or corrupt, else the latest answer of a recipient that still waits
    client_name,     -- host name of the SMTP client, unknown if it has none
    client_address,  -- its address; empty: not by SMTP
    client_helo,     -- what it said at EHLO
    sasl_username,   -- the login it used, if any
    uid,             -- the user who handed it in on this machine
    envid,           -- envelope id that the sender gave (RFC 3461)
    crashes,         -- how many processes have died with it; the third makes it corrupt
    rule             -- number of the standing rule that holds or suspends it (v1_rules); NULL: none does
) AS
SELECT message.queue_id,
       message.message_id,
       located.state,
       message.sender,
       message.size,
       message.origin,
       message.arrived_at / 1000000.0 AS arrived_at,
       strftime('%Y-%m-%d %H:%M:%S', message.arrived_at / 1000000, 'unixepoch') AS arrived,
       CAST(unixepoch() - message.arrived_at / 1000000 AS INTEGER) AS age_seconds,
       located.entered_at / 1000000.0 AS entered_at,
       strftime('%Y-%m-%d %H:%M:%S', located.entered_at / 1000000, 'unixepoch') AS entered,
       located.retry_at / 1000000.0 AS next_try_at,
       strftime('%Y-%m-%d %H:%M:%S', located.retry_at / 1000000, 'unixepoch') AS next_try,
       (SELECT count(*) FROM recipient WHERE recipient.message_id = message.message_id) AS recipients,
       (SELECT count(*) FROM recipient LEFT JOIN outcome
                   ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
         WHERE recipient.message_id = message.message_id
           AND coalesce(outcome.action, 'deferred') = 'deferred') AS waiting,
       CASE WHEN located.reason <> '' THEN located.reason
            ELSE coalesce((SELECT outcome.reason FROM outcome
                            WHERE outcome.message_id = message.message_id AND outcome.action = 'deferred'
                            ORDER BY outcome.at DESC LIMIT 1), '') END AS last_reason,
       message.client_name,
       message.client_address,
       message.client_helo,
       message.sasl_username,
       message.uid,
       message.envid,
       coalesce((SELECT crash.count FROM crash WHERE crash.message_id = message.message_id), 0) AS crashes,
       (SELECT max(rule.rule_id) FROM bound JOIN rule USING (rule_id)
         WHERE bound.message_id = message.message_id AND rule.action = iif(located.state = 'hold', 'hold', 'suspend')) AS rule
  FROM (SELECT message_id, 'maildrop' AS state, entered_at, NULL AS retry_at, '' AS reason FROM maildrop
        UNION ALL SELECT message_id, 'incoming', entered_at, NULL, '' FROM incoming
        UNION ALL SELECT message_id, 'active', entered_at, NULL, '' FROM active
        UNION ALL SELECT message_id, 'deferred', entered_at, retry_at, '' FROM deferred
        UNION ALL SELECT message_id, 'hold', entered_at, NULL, reason FROM hold
        UNION ALL SELECT message_id, 'corrupt', entered_at, NULL, reason FROM corrupt) AS located
  JOIN message USING (message_id);

-- One row a recipient of a message that is in the spool.
CREATE VIEW v1_recipients (
    queue_id,     -- the name of the message in logs and commands
    message_id,   -- the same as a number
    number,       -- its place in the envelope: 0, 1, 2 ...
    address,      -- the recipient, after rewriting and aliases
    domain,       -- the part of it behind the last @, in lower case
    original,     -- as it was received
    orcpt,        -- original recipient that the sender gave (RFC 3461)
    notify,       -- what the sender wants to hear of: NEVER, or SUCCESS FAILURE DELAY; empty: the usual
    answer,       -- waiting (not tried yet), deferred, sent, bounced
    dsn,          -- enhanced status code of the latest answer (RFC 3463)
    reason,       -- text of the latest answer
    relay,        -- who gave it: host[address]:port, a transport, none
    reply,        -- what the server said, word by word
    answered_at,  -- when, seconds since 1970
    answered,     -- the same as text, UTC
    told,         -- 1 if the sender knows of the answer, or need not know
    transport,    -- by what it is delivered, while the message is active
    nexthop,      -- where it goes, while the message is active
    delivery_id   -- the delivery it is part of, while the message is active
) AS
SELECT message.queue_id,
       recipient.message_id,
       recipient.number,
       recipient.address,
       CASE WHEN instr(recipient.address, '@') = 0 THEN ''
            ELSE lower(substr(recipient.address,
                              length(rtrim(recipient.address, replace(recipient.address, '@', ''))) + 1)) END AS domain,
       recipient.original,
       recipient.orcpt,
       CASE recipient.notify WHEN 0 THEN '' WHEN 1 THEN 'NEVER' ELSE
            trim(iif(recipient.notify & 2, 'SUCCESS ', '') || iif(recipient.notify & 4, 'FAILURE ', '')
                 || iif(recipient.notify & 8, 'DELAY', '')) END AS notify,
       coalesce(outcome.action, 'waiting') AS answer,
       coalesce(outcome.dsn, '') AS dsn,
       coalesce(outcome.reason, '') AS reason,
       coalesce(outcome.relay, '') AS relay,
       coalesce(outcome.reply, '') AS reply,
       outcome.at / 1000000.0 AS answered_at,
       strftime('%Y-%m-%d %H:%M:%S', outcome.at / 1000000, 'unixepoch') AS answered,
       coalesce(outcome.noticed, 0) AS told,
       planned.transport,
       planned.nexthop,
       planned.delivery_id
  FROM recipient
  JOIN message USING (message_id)
  LEFT JOIN outcome ON outcome.message_id = recipient.message_id AND outcome.number = recipient.number AND outcome.part = 0
  LEFT JOIN (SELECT delivery.message_id, delivery_recipient.number, delivery.delivery_id, delivery.transport, delivery.nexthop
               FROM delivery JOIN delivery_recipient USING (delivery_id)) AS planned
         ON planned.message_id = recipient.message_id AND planned.number = recipient.number;

-- One row a delivery: some recipients of one active message to one next hop, from its planning to the scheduler's last word.
CREATE VIEW v1_deliveries (
    delivery_id,  -- its number; they grow in the order of planning
    queue_id,     -- the name of the message in logs and commands
    message_id,   -- the same as a number
    sender,       -- envelope sender of the message
    transport,    -- service of master.cf that delivers it
    nexthop,      -- where it goes
    stage,        -- waiting (for the scheduler), granted (waiting for an agent), under way, answered
    since_at,     -- when that stage began, seconds since 1970
    since,        -- the same as text, UTC
    recipients,   -- how many recipients it is for
    pid,          -- process that is at it
    service       -- name of that process in master.cf
) AS
SELECT delivery.delivery_id,
       message.queue_id,
       delivery.message_id,
       message.sender,
       delivery.transport,
       delivery.nexthop,
       CASE WHEN attempt.delivery_id IS NOT NULL THEN 'under way'
            WHEN report.delivery_id IS NOT NULL THEN 'answered'
            WHEN granted.delivery_id IS NOT NULL THEN 'granted'
            ELSE 'waiting' END AS stage,
       coalesce(attempt.started_at, report.reported_at, granted.granted_at, delivery.planned_at) / 1000000.0 AS since_at,
       strftime('%Y-%m-%d %H:%M:%S',
                coalesce(attempt.started_at, report.reported_at, granted.granted_at, delivery.planned_at) / 1000000,
                'unixepoch') AS since,
       (SELECT count(*) FROM delivery_recipient WHERE delivery_recipient.delivery_id = delivery.delivery_id) AS recipients,
       process.pid,
       process.service
  FROM delivery
  JOIN message USING (message_id)
  LEFT JOIN granted USING (transport, delivery_id)
  LEFT JOIN attempt ON attempt.delivery_id = delivery.delivery_id
  LEFT JOIN report ON report.delivery_id = delivery.delivery_id
  LEFT JOIN process ON process.process_id = attempt.process_id;

-- One row an answer: each attempt for each recipient, as the journal tells it, also of messages that are gone.
CREATE VIEW v1_attempts (
    event_id,    -- its place in the journal
    at,          -- when the answer came, seconds since 1970
    time,        -- the same as text, UTC
    queue_id,    -- the name of the message in logs and commands
    message_id,  -- the same as a number
    recipient,   -- who was delivered to, or was not
    answer,      -- sent, deferred, bounced
    dsn,         -- enhanced status code (RFC 3463)
    relay,       -- who answered: host[address]:port, a transport, none
    reason       -- text of the answer
) AS
SELECT journal.event_id,
       journal.at / 1000000.0 AS at,
       strftime('%Y-%m-%d %H:%M:%f', journal.at / 1000000.0, 'unixepoch') AS time,
       journal.queue_id,
       journal.message_id,
       journal.recipient,
       journal.kind AS answer,
       journal.detail ->> 'dsn' AS dsn,
       journal.detail ->> 'relay' AS relay,
       journal.detail ->> 'reason' AS reason
  FROM journal
 WHERE journal.kind IN ('sent', 'deferred', 'bounced') AND journal.operation_id IS NULL;

-- One row an event of the journal, oldest first.
CREATE VIEW v1_events (
    event_id,    -- its place in the journal: a later event has a greater number; the cursor of spoolmta events
    at,          -- when, seconds since 1970
    time,        -- the same as text, UTC
    queue_id,    -- the name of the message in logs and commands
    message_id,  -- the same as a number; 0: of no message
    kind,        -- what happened
    recipient,   -- whom it happened to; empty: to the whole message
    detail       -- a JSON object with the rest: detail ->> 'reason'
) AS
SELECT journal.event_id,
       journal.at / 1000000.0 AS at,
       strftime('%Y-%m-%d %H:%M:%f', journal.at / 1000000.0, 'unixepoch') AS time,
       journal.queue_id,
       journal.message_id,
       journal.kind,
       journal.recipient,
       journal.detail
  FROM journal_by_message AS journal;

-- One row a destination that mail goes to now, or that the scheduler remembers something of.
CREATE VIEW v1_destinations (
    transport,       -- service of master.cf that delivers there
    destination,     -- next hop, or user@nexthop where each recipient is one
    messages,        -- active messages that go there
    waiting,         -- deliveries that wait for the scheduler
    granted,         -- deliveries that wait for an agent
    under_way,       -- deliveries that an agent is at
    dead_until_at,   -- it is not tried before, seconds since 1970; NULL: it is
    dead_until,      -- the same as text, UTC
    dsn,             -- enhanced status code of what made it dead
    reason,          -- what made it dead
    concurrency,     -- how many deliveries it may have at once, as far as that is learnt and written (within seconds)
    failed_cohorts,  -- how many windows' worth of deliveries have failed in a row
    resting_until,   -- end of its pause between deliveries, as text, UTC
    pace,            -- seconds between deliveries, since its replies asked for less; NULL: they did not
    slowed           -- when they did, as text, UTC; the pace halves every ten minutes from then on
) AS
SELECT named.transport,
       named.destination,
       coalesce(load.messages, 0) AS messages,
       coalesce(load.waiting, 0) AS waiting,
       coalesce(load.granted, 0) AS granted,
       coalesce(load.under_way, 0) AS under_way,
       nullif(destination.dead_until, 0) / 1000000.0 AS dead_until_at,
       strftime('%Y-%m-%d %H:%M:%S', nullif(destination.dead_until, 0) / 1000000, 'unixepoch') AS dead_until,
       coalesce(destination.dsn, '') AS dsn,
       coalesce(destination.reason, '') AS reason,
       destination.window AS concurrency,
       destination.failed_cohorts,
       strftime('%Y-%m-%d %H:%M:%S', nullif(destination.resting_until, 0) / 1000000, 'unixepoch') AS resting_until,
       nullif(destination.pace, 0) AS pace,
       strftime('%Y-%m-%d %H:%M:%S', nullif(destination.slowed_at, 0) / 1000000, 'unixepoch') AS slowed
  FROM (SELECT transport, destination FROM destination UNION SELECT transport, destination FROM delivery) AS named
  LEFT JOIN destination USING (transport, destination)
  LEFT JOIN (SELECT delivery.transport,
                    delivery.destination,
                    count(DISTINCT delivery.message_id) AS messages,
                    sum(granted.delivery_id IS NULL AND attempt.delivery_id IS NULL AND report.delivery_id IS NULL) AS waiting,
                    sum(granted.delivery_id IS NOT NULL) AS granted,
                    sum(attempt.delivery_id IS NOT NULL) AS under_way
               FROM delivery
               LEFT JOIN granted USING (transport, delivery_id)
               LEFT JOIN attempt ON attempt.delivery_id = delivery.delivery_id
               LEFT JOIN report ON report.delivery_id = delivery.delivery_id
              GROUP BY delivery.transport, delivery.destination) AS load USING (transport, destination);

-- One row a delivery that waits for the scheduler, with what it waits for. Of a transport the message that waits longest goes
-- first, its destinations taking turns; a small message may overtake a large one (docs/scheduling.md). Capacity and pauses of a
-- transport, and the window that a new destination begins with, stand in the configuration: spoolmta scheduler explain.
CREATE VIEW v1_schedule (
    transport,         -- service of master.cf that is to deliver it
    destination,       -- next hop, or what the scheduler counts instead
    place,             -- its place among what waits for that destination: 1 is next
    queue_id,          -- its message
    delivery_id,       -- grows in the order of planning
    waiting_since_at,  -- when it was planned, seconds since 1970
    waiting_since,     -- the same as text, UTC
    under_way,         -- deliveries to the destination that are let go and have not ended
    concurrency,       -- how many it may have at once; NULL: nothing was learnt, it has its first window
    hindrance,         -- dead, rests, window (it is full), behind (others go first), none
    until_at,          -- end of being dead or of the rest, seconds since 1970
    until,             -- the same as text, UTC
    explanation        -- all of that in words
) AS
SELECT placed.transport,
       placed.destination,
       placed.place,
       placed.queue_id,
       placed.delivery_id,
       placed.planned_at / 1000000.0,
       strftime('%Y-%m-%d %H:%M:%S', placed.planned_at / 1000000, 'unixepoch'),
       placed.under_way,
       placed.window,
       placed.hindrance,
       placed.until_at,
       strftime('%Y-%m-%d %H:%M:%S', placed.until_at, 'unixepoch'),
       CASE placed.hindrance
       WHEN 'dead' THEN 'not tried before ' || strftime('%Y-%m-%d %H:%M:%S', placed.until_at, 'unixepoch') || ' UTC: ' || placed.reason
       WHEN 'rests' THEN 'rests between deliveries until ' || strftime('%Y-%m-%d %H:%M:%f', placed.until_at, 'unixepoch') || ' UTC'
       WHEN 'window' THEN 'the window is full: ' || placed.under_way || ' of ' || placed.window || ' under way'
       WHEN 'behind' THEN 'goes after ' || (placed.place - 1) || ' others to the same destination'
       ELSE 'goes next, as soon as its transport has a place' END
  FROM (SELECT waiting.*,
               message.queue_id,
               coalesce(gone.under_way, 0) AS under_way,
               destination.window,
               destination.reason,
               CASE WHEN destination.dead_until > unixepoch('subsec') * 1000000 THEN 'dead'
                    WHEN destination.resting_until > unixepoch('subsec') * 1000000 THEN 'rests'
                    WHEN coalesce(gone.under_way, 0) >= destination.window THEN 'window'
                    WHEN waiting.place > 1 THEN 'behind'
                    ELSE 'none' END AS hindrance,
               CASE WHEN destination.dead_until > unixepoch('subsec') * 1000000 THEN destination.dead_until / 1000000.0
                    WHEN destination.resting_until > unixepoch('subsec') * 1000000 THEN destination.resting_until / 1000000.0 END
                    AS until_at
          FROM (SELECT delivery.transport, delivery.destination, delivery.delivery_id, delivery.message_id, delivery.planned_at,
                       row_number() OVER (PARTITION BY delivery.transport, delivery.destination
                                          ORDER BY delivery.delivery_id) AS place
                  FROM delivery
                 WHERE NOT EXISTS (SELECT 1 FROM granted
                                    WHERE granted.transport = delivery.transport AND granted.delivery_id = delivery.delivery_id)
                   AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery_id = delivery.delivery_id)
                   AND NOT EXISTS (SELECT 1 FROM report WHERE report.delivery_id = delivery.delivery_id)) AS waiting
          JOIN message ON message.message_id = waiting.message_id
          LEFT JOIN destination USING (transport, destination)
          LEFT JOIN (SELECT delivery.transport, delivery.destination, count(*) AS under_way
                       FROM (SELECT delivery_id FROM granted UNION ALL SELECT delivery_id FROM attempt) AS let_go
                      CROSS JOIN delivery USING (delivery_id)
                      GROUP BY delivery.transport, delivery.destination) AS gone USING (transport, destination)) AS placed;

-- One row a standing rule, also those that have ended.
CREATE VIEW v1_rules (
    rule,           -- its number
    action,         -- hold, suspend, reroute, slow-down, bounce
    selection,      -- whose mail: a JSON object, patterns by option; of different options all must fit, of one option any
    in_force,       -- 1 until it ends
    transport,      -- reroute: service of master.cf that delivers the mail
    nexthop,        -- reroute: where it goes; empty: where it would go anyway
    concurrency,    -- slow-down: how many deliveries at once to a destination; NULL: as ever
    pause,          -- slow-down: seconds between two deliveries to a destination; NULL: none
    dsn,            -- bounce: enhanced status code that the sender is told
    text,           -- bounce: what else the sender is told
    messages,       -- how many messages it keeps, or has kept: hold and suspend
    author,         -- login name of who made it
    uid,            -- and the user id
    because,        -- why
    created_at,     -- when it was made, seconds since 1970
    created,        -- the same as text, UTC
    ends_at,        -- when it ends by itself, seconds since 1970; NULL: when it is removed
    ends,           -- the same as text, UTC
    ended_at,       -- when it ended, seconds since 1970; NULL: it is in force
    ended,          -- the same as text, UTC
    ended_by,       -- who removed it, or time
    ended_because   -- why it was removed
) AS
SELECT rule.rule_id,
       rule.action,
       rule.selection,
       rule.ended_at IS NULL,
       rule.transport,
       rule.nexthop,
       nullif(rule.concurrency, 0),
       nullif(rule.pause, 0),
       rule.dsn,
       rule.text,
       (SELECT count(*) FROM bound WHERE bound.rule_id = rule.rule_id),
       rule.author,
       rule.uid,
       rule.because,
       rule.created_at / 1000000.0,
       strftime('%Y-%m-%d %H:%M:%S', rule.created_at / 1000000, 'unixepoch'),
       rule.ends_at / 1000000.0,
       strftime('%Y-%m-%d %H:%M:%S', rule.ends_at / 1000000, 'unixepoch'),
       rule.ended_at / 1000000.0,
       strftime('%Y-%m-%d %H:%M:%S', rule.ended_at / 1000000, 'unixepoch'),
       rule.ended_by,
       rule.ended_because
  FROM rule;

-- One row a process that has the spool open for work, and what it holds.
CREATE VIEW v1_processes (
    process_id,  -- its number in this spool; none is used twice
    service,     -- name in master.cf
    pid,         -- process id
    started_at,  -- when it started, seconds since 1970
    started,     -- the same as text, UTC
    claims,      -- messages that it works on
    attempts,    -- deliveries that it is at
    uploads      -- messages that it is receiving
) AS
SELECT process.process_id,
       process.service,
       process.pid,
       process.started_at / 1000000.0 AS started_at,
       strftime('%Y-%m-%d %H:%M:%S', process.started_at / 1000000, 'unixepoch') AS started,
       (SELECT count(*) FROM claim WHERE claim.process_id = process.process_id) AS claims,
       (SELECT count(*) FROM attempt WHERE attempt.process_id = process.process_id) AS attempts,
       (SELECT count(*) FROM upload WHERE upload.process_id = process.process_id) AS uploads
  FROM process;

-- One row a state, in the order in which a message passes them.
CREATE VIEW v1_states (
    state,               -- maildrop, incoming, active, deferred, hold, corrupt: always six rows, in the order of a life
    messages,            -- how many are in it
    oldest_at,           -- arrival of the oldest, seconds since 1970
    oldest,              -- the same as text, UTC
    oldest_age_seconds   -- for how long the oldest has been here
) AS
SELECT counted.state,
       counted.messages,
       message.arrived_at / 1000000.0 AS oldest_at,
       strftime('%Y-%m-%d %H:%M:%S', message.arrived_at / 1000000, 'unixepoch') AS oldest,
       CAST(unixepoch() - message.arrived_at / 1000000 AS INTEGER) AS oldest_age_seconds
  FROM (SELECT 1 AS position, 'maildrop' AS state, (SELECT count(*) FROM maildrop) AS messages,
               (SELECT min(message_id) FROM maildrop) AS first
        UNION ALL SELECT 2, 'incoming', (SELECT count(*) FROM incoming),
               (SELECT min(message_id) FROM incoming)
        UNION ALL SELECT 3, 'active', (SELECT count(*) FROM active),
               (SELECT min(message_id) FROM active)
        UNION ALL SELECT 4, 'deferred', (SELECT messages FROM tally WHERE state = 'deferred'),
               (SELECT min(message_id) FROM deferred)
        UNION ALL SELECT 5, 'hold', (SELECT count(*) FROM hold),
               (SELECT min(message_id) FROM hold)
        UNION ALL SELECT 6, 'corrupt', (SELECT count(*) FROM corrupt),
               (SELECT min(message_id) FROM corrupt)) AS counted
  LEFT JOIN message ON message.message_id = counted.first
 ORDER BY counted.position;
