"""The records that a queue file of Postfix would have of a message, one after the other.

There are no such files here: where a record would stand is counted from its type, its length and
its data, as they would be written.

Postfix:  postcat(1), rec_type(3)
Limits:   what the spool does not keep has no record: the server's address and port, and the
          rewrite_context of mail that came by SMTP
"""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from spoolmta.address.quoting import quote
from spoolmta.message.envelope import Envelope, Notify
from spoolmta.spool.questions.inspect import Entry, RecipientAnswer
from spoolmta.spool.queues import QueuedMessage

# Record types as Postfix numbers them: they are letters.
_SIZE, _TIME, _ATTRIBUTE, _SENDER, _FULL_NAME = "C", "T", "A", "S", "F"
_ORIGINAL, _RECIPIENT, _DONE = "O", "R", "D"
MESSAGE, EXTRACTED, END = "M", "X", "E"
# A line of the content, and a piece of a longer one that does not end it.
TEXT, TEXT_PIECE = "N", "L"
LONGEST_TEXT = 2048

_RET = {"FULL": 1, "HDRS": 2}
_INET, _INET6 = 2, 10
_LENGTH_BITS = 7  # of a length that each byte holds
_SIZE_FIELDS = "{:15d} {:15d} {:15d} {:15d} {:15d} {:15d}"


class Record(NamedTuple):
    """One record: its type, how it is printed, and how many bytes its data has."""

    kind: str
    text: str
    length: int = 0

    @property
    def size(self) -> int:
        """The bytes that it takes in a file."""
        return record_size(self.length)


def record_size(length: int) -> int:
    """Return the bytes of a record with *length* bytes of data."""
    size, rest = 2 + length, length >> _LENGTH_BITS
    while rest:
        size, rest = size + 1, rest >> _LENGTH_BITS
    return size


def envelope_records(
    entry: Entry, message: QueuedMessage, answers: Sequence[RecipientAnswer]
) -> list[Record]:
    """Return what comes before the content, but for the mark where that begins."""
    rest = list(_after_size(entry, message, answers))
    empty = _SIZE_FIELDS.format(0, 0, 0, 0, 0, 0)
    begins_at = record_size(len(empty)) + sum(record.size for record in rest) + record_size(0)
    notify = 0
    for answer in answers:
        notify |= int(answer.notify)
    fields = _SIZE_FIELDS.format(
        message.size, begins_at, len(answers), notify << 1, message.size,
        2 if message.envelope.smtputf8 else 0,
    )  # fmt: skip
    return [_record(_SIZE, "message_size", fields), *rest]


def extracted_records(envelope: Envelope) -> Iterator[Record]:
    """Yield what comes after the content, and after the mark where that ends."""
    if envelope.encoding:
        yield _attribute("encoding", envelope.encoding)


def _after_size(
    entry: Entry, message: QueuedMessage, answers: Sequence[RecipientAnswer]
) -> Iterator[Record]:
    envelope = message.envelope
    seconds, microseconds = divmod(round(message.arrived_at * 1_000_000), 1_000_000)
    arrived = f"message_arrival_time: {time.ctime(message.arrived_at)}"
    yield Record(_TIME, arrived, len(f"{seconds} {microseconds}"))
    created = f"create_time: {time.ctime(message.created_at)}"
    yield Record(_ATTRIBUTE, created, len(f"create_time={int(message.created_at)}"))
    if not envelope.client.is_local:
        yield _attribute("log_ident", entry.queue_id)
    if envelope.envid:
        yield _attribute("envelope_id", envelope.envid)
    if envelope.ret:
        yield _attribute("ret_flags", _RET[envelope.ret])
    if envelope.client.is_local:
        yield _attribute("rewrite_context", "local")
    if envelope.full_name:
        yield _record(_FULL_NAME, "sender_fullname", envelope.full_name)
    yield _record(_SENDER, "sender", envelope.sender)
    if envelope.encoding:
        yield _attribute("encoding", envelope.encoding)
    yield from _client_records(envelope)
    for answer in answers:
        yield from _recipient_records(answer)


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
        yield _attribute("notify_flags", int(answer.notify))
    orcpt = answer.orcpt or (answer.original and f"rfc822;{quote(answer.original)}")
    if orcpt:
        yield _attribute("dsn_orig_rcpt", orcpt)
    if answer.original:
        yield _record(_ORIGINAL, "original_recipient", answer.original)
    if answer.answer in ("sent", "bounced"):
        yield _record(_DONE, "done_recipient", answer.address)
    else:
        yield _record(_RECIPIENT, "recipient", answer.address)


def _attribute(name: str, value: object) -> Record:
    return _record(_ATTRIBUTE, "named_attribute", f"{name}={value}")


def _record(kind: str, name: str, data: str) -> Record:
    return Record(kind, f"{name}: {data}", len(data.encode("utf-8", "surrogateescape")))
