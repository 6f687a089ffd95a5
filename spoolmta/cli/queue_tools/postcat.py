"""postcat: print queued messages as the records that Postfix would keep of them.

There are no queue files: a name is a queue id, with or without -q; a path is taken for the queue
id at its end, so that programs which build paths below queue_directory go on to work.

Postfix:  postcat(1)
Limits:   -o has no offsets to show; -r and -s are accepted
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from spoolmta.cli.access import Access
from spoolmta.cli.command_line import Command
from spoolmta.cli.queue_tools.content_parts import split
from spoolmta.message.envelope import Envelope, Notify
from spoolmta.message.queue_id import is_queue_id
from spoolmta.spool import content, inspect, queues
from spoolmta.spool.connection import Spool
from spoolmta.spool.inspect import Entry, RecipientAnswer
from spoolmta.spool.queues import QueuedMessage

USAGE = (
    "postcat [-b (body text)] [-c config_dir] [-d (decimal record type)]"
    " [-e (envelope records)] [-h (header text)] [-q (access queue)] [-v] [file(s)...]"
)

_LETTERS = "bc:dehoqrs:v"
_RET = {"FULL": 1, "HDRS": 2}
_INET, _INET6 = 2, 10

# Record types as Postfix numbers them: they are letters.
_SIZE, _TIME, _ATTRIBUTE, _SENDER, _FULL_NAME = "C", "T", "A", "S", "F"
_ORIGINAL, _RECIPIENT, _DONE = "O", "R", "D"
_MESSAGE, _TEXT, _EXTRACTED, _END = "M", "N", "X", "E"

Record = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Parts:
    """What is printed: body, header, envelope; and whether the type goes before each record."""

    body: bool
    header: bool
    envelope: bool
    types: bool


def main() -> NoReturn:
    """Run postcat."""
    command = Command("postcat")
    command.run(lambda: _postcat(command, sys.argv[1:]))


def envelope_records(
    entry: Entry, message: QueuedMessage, answers: Sequence[RecipientAnswer]
) -> Iterator[Record]:
    """Yield (record type, text) of what comes before the content."""
    envelope = message.envelope
    counts = (message.size, 0, len(answers), 0, message.size, 2 if envelope.smtputf8 else 0)
    yield _SIZE, "message_size: " + " ".join(f"{count:15d}" for count in counts)
    yield _TIME, f"message_arrival_time: {time.ctime(message.arrived_at)}"
    yield _ATTRIBUTE, f"create_time: {time.ctime(message.created_at)}"
    if not envelope.client.is_local:
        yield _attribute("log_ident", entry.queue_id)
    if envelope.envid:
        yield _attribute("envelope_id", envelope.envid)
    if envelope.ret:
        yield _attribute("ret_flags", _RET[envelope.ret])
    if envelope.client.is_local:
        yield _attribute("rewrite_context", "local")
    if envelope.full_name:
        yield _FULL_NAME, f"sender_fullname: {envelope.full_name}"
    yield _SENDER, f"sender: {envelope.sender}"
    if envelope.encoding == "8bit":
        yield _attribute("encoding", "8bit")
    yield from _client_records(envelope)
    for answer in answers:
        yield from _recipient_records(answer)


def _postcat(command: Command, arguments: Sequence[str]) -> int:
    options, names = command.options(arguments, _LETTERS, USAGE)
    given = dict(options)
    if not names and "-q" not in given:
        command.fatal(f"usage: {USAGE}: a queue id is needed, there are no queue files to read")
    everything = not given.keys() & {"-b", "-h", "-e"}
    parts = Parts(
        body=everything or "-b" in given,
        header=everything or "-h" in given,
        envelope=everything or "-e" in given,
        types="-d" in given,
    )
    with Access(given.get("-c")).spool() as spool:
        for name in names:
            _print_message(spool, _find(command, spool, name, queue="-q" in given), parts)
    return 0


def _find(command: Command, spool: Spool, name: str, *, queue: bool) -> Entry:
    queue_id = name if queue else name.rpartition("/")[2]
    if queue and not is_queue_id(name):
        command.fatal(f"bad mail queue ID: {name}")
    entry = inspect.find(spool, queue_id)
    if entry is None:
        what = f"queue file {name}" if queue else name
        command.fatal(f"open {what}: No such file or directory")
    return entry


def _print_message(spool: Spool, entry: Entry, parts: Parts) -> None:
    message = queues.load(spool, [entry.message_id])[0]
    path = f"{entry.state}/{entry.queue_id}"
    if parts.envelope:
        answers = list(inspect.recipients(spool, entry.message_id))
        _print_line(f"*** ENVELOPE RECORDS {path} ***")
        for record in envelope_records(entry, message, answers):
            _print_record(record, parts)
        _print_record((_MESSAGE, f"*** MESSAGE CONTENTS {path} ***"), parts)
    _print_content(spool, entry.message_id, parts)
    if parts.envelope:
        _print_record((_EXTRACTED, f"*** HEADER EXTRACTED {path} ***"), parts)
        _print_record((_END, f"*** MESSAGE FILE END {path} ***"), parts)
    sys.stdout.buffer.flush()


def _print_content(spool: Spool, message_id: int, parts: Parts) -> None:
    if not (parts.header or parts.body):
        return
    header, body = split(content.read(spool, message_id))
    prefix = _type(_TEXT).encode() if parts.types else b""
    if parts.header:
        _print_text([header], prefix)
    if parts.body:
        _print_text(body, prefix)


def _print_text(pieces: Iterator[bytes] | list[bytes], prefix: bytes) -> None:
    """Print content with LF line ends, each line after *prefix*; pieces may end inside a line."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\r\n")
        if lines:
            text = b"\n".join(prefix + line for line in lines) + b"\n"
            sys.stdout.buffer.write(text)
    if rest:
        sys.stdout.buffer.write(prefix + rest + b"\n")


def _client_records(envelope: Envelope) -> Iterator[Record]:
    client = envelope.client
    if client.is_local:
        return
    version = _INET6 if ":" in client.address else _INET
    attributes = {
        "log_client_name": client.name,
        "log_client_address": client.address,
        "log_client_port": client.port,
        "log_message_origin": f"{client.name}[{client.address}]",
        "log_helo_name": client.helo,
        "log_protocol_name": client.protocol,
        "client_name": client.name,
        "reverse_client_name": client.reverse_name,
        "client_address": client.address,
        "client_port": client.port,
        "helo_name": client.helo,
        "protocol_name": client.protocol,
        "client_address_type": version,
        "sasl_method": client.sasl_method,
        "sasl_username": client.sasl_username,
        "sasl_sender": client.sasl_sender,
    }
    for name, value in attributes.items():
        if value:
            yield _attribute(name, value)


def _recipient_records(answer: RecipientAnswer) -> Iterator[Record]:
    if answer.notify != Notify.ABSENT:
        yield _attribute("notify_flags", answer.notify)
    if answer.orcpt:
        yield _attribute("dsn_orig_rcpt", answer.orcpt)
    if answer.original:
        yield _ORIGINAL, f"original_recipient: {answer.original}"
    if answer.answer in ("sent", "bounced"):
        yield _DONE, f"done_recipient: {answer.address}"
    else:
        yield _RECIPIENT, f"recipient: {answer.address}"


def _attribute(name: str, value: object) -> Record:
    return _ATTRIBUTE, f"named_attribute: {name}={value}"


def _print_record(record: Record, parts: Parts) -> None:
    kind, text = record
    _print_line((_type(kind) if parts.types else "") + text)


def _type(kind: str) -> str:
    return f"{ord(kind):3d} "


def _print_line(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape") + b"\n")


if __name__ == "__main__":
    main()
