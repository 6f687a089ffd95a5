"""A spool with very many deferred messages, filled by plain SQL: for what must not grow with them.

    python -m tests.support.deep_spool DIR 1000000 10000

makes DIR/etc and DIR/queue/spool.db: so many messages for so many destinations, with content,
recipients, answers and history, as mail that was tried once.
"""

import getpass
import sys
from pathlib import Path

import apsw

from spoolmta.clock import SystemClock
from spoolmta.message.queue_id import format_queue_id
from spoolmta.spool.connection import FILE_NAME, Spool

_MAIN = """\
compatibility_level = 3.11
myhostname = mx.test.example
mydestination =
queue_directory = {queue}
mail_owner = {owner}
maillog_file = {queue}/maillog
maillog_file_prefixes = {queue}
"""
_PIECE = 20_000
_HOUR = 3_600_000_000
_REASONS = (
    "connect to mx{0}.d{0}.example[192.0.2.{1}]:25: Connection timed out",
    "host mx{0}.d{0}.example[192.0.2.{1}] said: 450 4.2.1 mailbox {2} is busy (in reply to RCPT)",
    "host mx{0}.d{0}.example[192.0.2.{1}] said: 421 4.7.0 later, id {2:x} (in reply to MAIL)",
)
_CONTENT = b"From: a@news.example\r\nSubject: hello\r\n\r\n" + b"words and words\r\n" * 20
_MESSAGE = (
    "INSERT INTO message VALUES (?, ?, 'smtpd', ?, ?, ?, ?, '', '', '7bit', 0, NULL, '',"
    " 'client.example', 'client.example', ?, 4711, 'client.example', 'ESMTP', '', ?, '', '')"
)
_OUTCOME = (
    "INSERT INTO outcome VALUES (?, 0, 0, 'deferred', '4.4.1', ?, 'none', '', '', '', '', 0, 0, ?)"
)


def fill(folder: Path, messages: int, destinations: int) -> Path:
    """Make the spool; return the folder of its configuration."""
    queue, configuration = folder / "queue", folder / "etc"
    for path in (queue / "pid", queue / "public", configuration):
        path.mkdir(parents=True)
    (configuration / "main.cf").write_text(_MAIN.format(queue=queue, owner=getpass.getuser()))
    (configuration / "master.cf").write_text("smtp unix - - n - - smtp\n")
    clock = SystemClock()
    Spool.open(queue / FILE_NAME, clock, create=True).close()
    connection = apsw.Connection(str(queue / FILE_NAME))
    connection.pragma("synchronous", "OFF")
    now = int(clock.now() * 1_000_000)
    for first in range(0, messages, _PIECE):
        _fill_piece(connection, range(first, min(messages, first + _PIECE)), destinations, now)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()
    return configuration


def _fill_piece(connection: apsw.Connection, piece: range, destinations: int, now: int) -> None:
    first_id = ((now - 48 * _HOUR) // 1_000_000) << 26
    with connection:
        for number in piece:
            _insert(connection, number, first_id + (number << 20), number % destinations, now)


def _insert(
    connection: apsw.Connection, number: int, message_id: int, destination: int, now: int
) -> None:
    arrived = now - 48 * _HOUR + number * 100_000
    queue_id = format_queue_id(message_id)
    sender = f"a{number % 50}@news.example"
    address = f"user{number}@d{destination}.example"
    reason = _REASONS[number % 3].format(destination, destination % 250, number)
    execute = connection.execute
    to = f'"recipients":["{address}"],"recipient_count":1'
    login = f"login{number % 7}"
    execute(
        _MESSAGE,
        (message_id, queue_id, sender, len(_CONTENT), arrived, arrived, "192.0.2.1", login),
    )
    execute("INSERT INTO recipient VALUES (?, 0, ?, ?, '', 0)", (message_id, address, address))
    execute("INSERT INTO content VALUES (?, 0, ?)", (message_id, _CONTENT))
    execute(
        "INSERT INTO deferred VALUES (?, ?, ?, 0)",
        (message_id, arrived + _HOUR, now + (number % 3600) * 1_000_000),
    )
    execute(_OUTCOME, (message_id, reason, arrived + _HOUR))
    for kind, recipient, detail in (
        (
            "accepted",
            "",
            f'{{"queue_id":"{queue_id}","state":"incoming","sender":"{sender}",{to}}}',
        ),
        ("resolved", address, f'{{"transport":"smtp","nexthop":"d{destination}.example"}}'),
        ("deferred", address, f'{{"dsn":"4.4.1","relay":"none","reason":"{reason}"}}'),
    ):
        execute(
            "INSERT INTO event (at, message_id, kind, recipient, detail) VALUES (?, ?, ?, ?, ?)",
            (arrived, message_id, kind, recipient, detail),
        )


if __name__ == "__main__":
    print(fill(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
