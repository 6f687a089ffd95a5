"""The queue listing as it goes over public/showq: name NUL value NUL, an empty name ends a record.

A greeting record names the protocol, a record follows for each message, an empty one ends the
listing. In a message's record the pair recipient, reason comes once for each recipient; the
reason is empty while there is none. Postfix's postqueue, exporters and our postqueue read this.

Postfix:  showq(8), postqueue(1)
"""

from collections.abc import Iterator
from dataclasses import dataclass

from spoolmta.errors import RemoteProtocolError

GREETING = b"protocol\0mail_queue_list_protocol\0\0"
END = b"\0"

_NAMES = (b"queue_name", b"queue_id", b"time", b"size", b"forced_expire", b"sender")


@dataclass(frozen=True, slots=True)
class ListedRecipient:
    """A recipient that still needs delivery, and the latest reason why ("" if untried)."""

    address: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message of a listing; *arrived_at* in whole seconds, *queue_name* is the state."""

    queue_name: str
    queue_id: str
    arrived_at: int
    size: int
    sender: str
    recipients: tuple[ListedRecipient, ...]
    forced_expire: bool = False


def format_message(message: ListedMessage) -> bytes:
    """Return the record of one message."""
    fields = [
        *("queue_name", message.queue_name),
        *("queue_id", message.queue_id),
        *("time", str(message.arrived_at)),
        *("size", str(message.size)),
        *("forced_expire", str(int(message.forced_expire))),
        *("sender", message.sender),
    ]
    for recipient in message.recipients:
        fields += ["recipient", recipient.address, "reason", recipient.reason]
    # A NUL inside a value would end it early and shift everything after it.
    return b"".join(_encode(field) + b"\0" for field in fields) + b"\0"


class Parser:
    """Takes the bytes of a listing as they come and yields its messages."""

    def __init__(self) -> None:
        self.finished = False
        self._greeted = False
        self._rest = b""
        self._fields: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[ListedMessage]:
        """Yield the messages that *data* completes.

        Raises RemoteProtocolError: the other side does not speak this protocol.
        """
        *fields, self._rest = (self._rest + data).split(b"\0")
        for field in fields:
            if self.finished:
                raise RemoteProtocolError("queue listing: data after its end")
            # An empty field is the end of a record only where a name is due.
            if field or len(self._fields) % 2:
                self._fields.append(field)
                continue
            record, self._fields = self._fields, []
            if not self._greeted:
                self._greet(record)
            elif record:
                yield _message(record)
            else:
                self.finished = True

    def _greet(self, record: list[bytes]) -> None:
        if record != [b"protocol", b"mail_queue_list_protocol"]:
            raise RemoteProtocolError("queue listing: no mail_queue_list_protocol greeting")
        self._greeted = True


def _message(record: list[bytes]) -> ListedMessage:
    pairs = list(zip(record[::2], record[1::2], strict=True))
    head, tail = pairs[: len(_NAMES)], pairs[len(_NAMES) :]
    if tuple(name for name, _ in head) != _NAMES:
        raise RemoteProtocolError("queue listing: a message without its attributes")
    queue_name, queue_id, time, size, forced, sender = (value for _, value in head)
    if not (time.isdigit() and size.isdigit()):
        raise RemoteProtocolError("queue listing: time and size must be numbers")
    return ListedMessage(
        _decode(queue_name),
        _decode(queue_id),
        int(time),
        int(size),
        _decode(sender),
        tuple(_recipients(tail)),
        forced == b"1",
    )


def _recipients(pairs: list[tuple[bytes, bytes]]) -> Iterator[ListedRecipient]:
    for (name, address), (reason_name, reason) in zip(pairs[::2], pairs[1::2], strict=False):
        if (name, reason_name) != (b"recipient", b"reason"):
            raise RemoteProtocolError("queue listing: recipient and reason must alternate")
        yield ListedRecipient(_decode(address), _decode(reason))
    if len(pairs) % 2:
        raise RemoteProtocolError("queue listing: a recipient without a reason")


def _encode(text: str) -> bytes:
    return text.replace("\0", "?").encode("utf-8", "surrogateescape")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
