"""The arguments of a command: what ${recipient}, ${sender} and so on stand for.

An argument that names something of a recipient is given once for each of them. No shell looks at
arguments, and what stands in an address is never expanded again.

Postfix:    pipe(8), argv=
Parameters: recipient_delimiter (its value is handed in)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from spoolmta.address.parts import Delimiter, split_address, split_extension
from spoolmta.address.quoting import quote
from spoolmta.agents.pipe.attributes import LOWER_DOMAIN, LOWER_LOCAL, QUOTED
from spoolmta.config.expansion import macro_at
from spoolmta.errors import ConfigError
from spoolmta.message.envelope import Client
from spoolmta.message.outcome import Delivery, DeliveryRecipient

_OF_RECIPIENT = frozenset(
    ("domain", "extension", "mailbox", "original_recipient", "recipient", "user")
)
_OF_CLIENT = frozenset(
    {
        *("client_address", "client_helo", "client_hostname", "client_port", "client_protocol"),
        *("sasl_method", "sasl_sender", "sasl_username"),
    }
)
_OF_MESSAGE = frozenset(("envid", "nexthop", "queue_id", "sender", "size"))


class Macro(NamedTuple):
    """$name in an argument."""

    name: str


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its text, with macros in between."""

    pieces: tuple[str | Macro, ...]

    @property
    def names(self) -> frozenset[str]:
        """What its macros are called."""
        return frozenset(piece.name for piece in self.pieces if isinstance(piece, Macro))


@dataclass(frozen=True, slots=True)
class Writing:
    """How addresses are written: the flags h, q and u of a service, and recipient_delimiter.

    *null_sender* is what an empty sender is written as.
    """

    flags: frozenset[str]
    null_sender: str
    delimiter: Delimiter


def parse_argument(text: str) -> Argument:
    """Return an argument of master.cf with its macros found.

    Raises ConfigError: a macro is unknown or breaks the syntax; mail waits until it is put right.
    """
    pieces: list[str | Macro] = []
    start = 0
    while (position := text.find("$", start)) >= 0:
        pieces.append(text[start:position])
        name, start = macro_at(text, position)
        if name == "$":
            pieces.append("$")
        elif name in _OF_RECIPIENT or name in _OF_CLIENT or name in _OF_MESSAGE:
            pieces.append(Macro(name))
        else:
            raise ConfigError(f'unknown macro name: "{name}"')
    pieces.append(text[start:])
    return Argument(tuple(piece for piece in pieces if piece))


def needs_client(arguments: Sequence[Argument]) -> bool:
    """Tell whether the arguments name who handed the message in."""
    return any(argument.names & _OF_CLIENT for argument in arguments)


def expand(
    arguments: Sequence[Argument], delivery: Delivery, client: Client, writing: Writing
) -> tuple[str, ...]:
    """Return the arguments of the command for a delivery."""
    common = {**_of_message(delivery, writing), **_of_client(client)}
    each = [{**common, **_of_recipient(one, writing)} for one in delivery.recipients]
    return tuple(
        _text(argument, values)
        for argument in arguments
        for values in (each if argument.names & _OF_RECIPIENT else (common,))
    )


def sender_of(delivery: Delivery, null_sender: str) -> str:
    """Return the sender in internal form, as the command is to see it."""
    return delivery.sender or null_sender


def _text(argument: Argument, values: Mapping[str, str]) -> str:
    return "".join(
        values[piece.name] if isinstance(piece, Macro) else piece for piece in argument.pieces
    )


def _of_message(delivery: Delivery, writing: Writing) -> dict[str, str]:
    sender = sender_of(delivery, writing.null_sender)
    nexthop = delivery.nexthop
    return {
        "envid": delivery.envid,
        "nexthop": nexthop.lower() if LOWER_DOMAIN in writing.flags else nexthop,
        "queue_id": delivery.queue_id,
        "sender": quote(sender) if sender and QUOTED in writing.flags else sender,
        "size": str(delivery.size),
    }


def _of_client(client: Client) -> dict[str, str]:
    return {
        "client_address": client.address,
        "client_helo": client.helo,
        "client_hostname": client.name,
        "client_port": str(client.port or ""),
        "client_protocol": client.protocol,
        "sasl_method": client.sasl_method,
        "sasl_sender": client.sasl_sender,
        "sasl_username": client.sasl_username,
    }


def _of_recipient(recipient: DeliveryRecipient, writing: Writing) -> dict[str, str]:
    local, domain = split_address(_folded(recipient.address, writing.flags))
    user, extension = split_extension(local, writing.delimiter)
    return {
        "domain": domain,
        "extension": extension or "",
        "mailbox": local,
        "original_recipient": _address(recipient.original or recipient.address, writing.flags),
        "recipient": _address(recipient.address, writing.flags),
        "user": user,
    }


def _address(address: str, flags: frozenset[str]) -> str:
    folded = _folded(address, flags)
    return quote(folded) if QUOTED in flags else folded


def _folded(address: str, flags: frozenset[str]) -> str:
    local, domain = split_address(address)
    local = local.lower() if LOWER_LOCAL in flags else local
    domain = domain.lower() if LOWER_DOMAIN in flags else domain
    return f"{local}@{domain}" if "@" in address else local
