"""The mail log: lines in Postfix's format, one function per loggable event.

log         MailLog: prefixes, levels, buffering; one per process
targets     where lines go: a file, standard output or error, the syslog socket
delays      the numbers of delay= and delays=
smtpd       connections, commands and rejections of the SMTP server
cleanup     header and body actions, message ids; also pickup
delivery    queue manager, deliveries, notices
window      concurrency windows, for who wants to watch them
operation   master, and what operators do to the queue

Log readers (pflogsumm, fail2ban, the exporters) parse these texts: they are an interface.
"""

from spoolmta.maillog.cleanup import (
    HeaderAction,
    header_action,
    message_id,
    pickup,
    resent_message_id,
)
from spoolmta.maillog.delays import format_delay, format_delays
from spoolmta.maillog.delivery import (
    Attempt,
    bounce_notification,
    delivery,
    expired,
    passing,
    queue_active,
    removed,
    skipped,
    trouble,
)
from spoolmta.maillog.log import MailLog
from spoolmta.maillog.operation import (
    daemon_reload,
    daemon_started,
    daemon_terminating,
    kept,
    process_died,
    process_limit_reached,
    queue_change,
    queue_change_total,
    throttling,
)
from spoolmta.maillog.smtpd import (
    Peer,
    Rejection,
    SaslPeer,
    client,
    connect,
    disconnect,
    illegal_address,
    improper_pipelining,
    lost_connection,
    name_does_not_resolve,
    non_smtp_command,
    reject,
    reject_etrn,
    timeout,
    too_many_errors,
)
from spoolmta.maillog.window import Window, feedback, window

__all__ = [
    "Attempt",
    "HeaderAction",
    "MailLog",
    "Peer",
    "Rejection",
    "SaslPeer",
    "Window",
    "bounce_notification",
    "client",
    "connect",
    "daemon_reload",
    "daemon_started",
    "daemon_terminating",
    "delivery",
    "disconnect",
    "expired",
    "feedback",
    "format_delay",
    "format_delays",
    "header_action",
    "illegal_address",
    "improper_pipelining",
    "kept",
    "lost_connection",
    "message_id",
    "name_does_not_resolve",
    "non_smtp_command",
    "passing",
    "pickup",
    "process_died",
    "process_limit_reached",
    "queue_active",
    "queue_change",
    "queue_change_total",
    "reject",
    "reject_etrn",
    "removed",
    "resent_message_id",
    "skipped",
    "throttling",
    "timeout",
    "too_many_errors",
    "trouble",
    "window",
]
