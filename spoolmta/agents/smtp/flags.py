"""flags= of a client's line in master.cf: headers to prepend, and whether this hop is the last.

D   Delivered-To, and mail that has this header already loops
O   X-Original-To
R   Return-Path
X   the delivery is final: a success is told as "delivered"

D and O speak of one recipient: their transport needs ..._destination_recipient_limit = 1.

Postfix:    smtp(8) "COMMAND ATTRIBUTE SYNTAX"
"""

from collections.abc import Sequence

from spoolmta.agents.loop import was_delivered_to
from spoolmta.agents.smtp.session import ContentSource
from spoolmta.agents.smtp.settings import FINAL
from spoolmta.errors import ConfigError
from spoolmta.message.outcome import Delivery
from spoolmta.message.trace_headers import (
    delivered_to,
    original_to,
    return_path,
)

DELIVERED_TO, ORIGINAL_TO, RETURN_PATH = "D", "O", "R"

_KNOWN = frozenset((FINAL, DELIVERED_TO, ORIGINAL_TO, RETURN_PATH))
_NAME = "flags"


def parse_flags(arguments: Sequence[str]) -> frozenset[str]:
    """Return the letters of flags= among the arguments of a service.

    Raises ConfigError: an argument or a letter is unknown; the service does not start.
    """
    found: frozenset[str] = frozenset()
    for argument in arguments:
        name, mark, letters = argument.partition("=")
        if name == "-v":
            continue
        if name != _NAME or not mark or set(letters) - _KNOWN:
            raise ConfigError(f'bad argument "{argument}": expected flags= and letters of DORX')
        found |= frozenset(letters)
    return found


def prepended_headers(flags: frozenset[str], delivery: Delivery) -> bytes:
    """Return the headers that go before the message."""
    headers = b""
    if RETURN_PATH in flags:
        headers += return_path(delivery.sender)
    first = delivery.recipients[0]
    if ORIGINAL_TO in flags:
        headers += original_to(first.original or first.address)
    if DELIVERED_TO in flags:
        headers += delivered_to(first.address)
    return headers


async def is_looping(flags: frozenset[str], delivery: Delivery, content: ContentSource) -> bool:
    """Return whether the message has been delivered to its recipient before.

    Raises TemporaryError, Corrupt: the content cannot be read; the caller defers.
    """
    if DELIVERED_TO not in flags:
        return False
    return await was_delivered_to(content.read(), delivery.recipients[0].address)
