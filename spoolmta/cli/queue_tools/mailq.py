"""The queue as mailq and postqueue -j print it, to the byte: programs read the columns.

Postfix:  postqueue(1)
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spoolmta.protocols.showq import ListedMessage, ListedRecipient

EMPTY = "Mail queue is empty"

_KILO = 1024
_REASON_WIDTH = 76
_FLAGS = {"active": "*", "hold": "!"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns: one layout for short queue ids, one for long ones."""

    heading: str
    line: str
    address_column: int


SHORT = Layout(
    "-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------",
    "{id:<11} {size:>7} {time:<20.20} {sender}",
    41,
)
LONG = Layout(
    "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------",
    "{id:<17} {size:>8} {time:<19.19} {sender}",
    47,
)


def listing(messages: Iterable[ListedMessage], layout: Layout) -> Iterator[str]:
    """Yield the lines of a listing; a single line if there is no message."""
    count = size = 0
    for message in messages:
        yield "" if count else layout.heading
        yield _first_line(message, layout)
        yield from _recipient_lines(message.recipients, layout)
        count += 1
        size += message.size
    if not count:
        yield EMPTY
        return
    yield ""
    yield f"-- {size // _KILO} Kbytes in {count} Request{'' if count == 1 else 's'}."


def json_line(message: ListedMessage) -> str:
    """Return a message as one JSON object on one line."""
    shown = {
        "queue_name": message.queue_name,
        "queue_id": message.queue_id,
        "arrival_time": message.arrived_at,
        "message_size": message.size,
        "forced_expire": message.forced_expire,
        "sender": message.sender,
        "recipients": [
            {"address": r.address, **({"delay_reason": r.reason} if r.reason else {})}
            for r in message.recipients
        ],
    }
    return json.dumps(shown, ensure_ascii=False)


def _first_line(message: ListedMessage, layout: Layout) -> str:
    flags = _FLAGS.get(message.queue_name, "") + "#" * message.forced_expire
    return layout.line.format(
        id=message.queue_id + flags,
        size=message.size,
        time=time.ctime(message.arrived_at),
        sender=_printable(message.sender),
    )


def _recipient_lines(recipients: Iterable[ListedRecipient], layout: Layout) -> Iterator[str]:
    """Yield each reason once for a run of recipients that share it."""
    said = ""
    for recipient in recipients:
        if recipient.reason != said:
            said = recipient.reason
            if said:
                padding = " " * max(0, _REASON_WIDTH - len(said))
                yield f"{padding}({_printable(said)})"
        yield " " * layout.address_column + _printable(recipient.address)


def _printable(text: str) -> str:
    """Return what a terminal shows and does not obey."""
    if text.isprintable():
        return text
    return "".join("?" if c < " " or c == "\x7f" else c for c in text)
