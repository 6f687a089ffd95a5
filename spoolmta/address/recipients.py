"""Whether a recipient exists, as far as the tables of its address class can tell.

Postfix:    smtpd(8), postconf(5) smtpd_reject_unlisted_recipient, LOCAL_RECIPIENT_README
Parameters: local_recipient_maps, relay_recipient_maps, virtual_mailbox_maps, virtual_alias_maps,
            canonical_maps, recipient_canonical_maps, show_user_unknown_table_name
Must not:   take a lookup error for "unknown"
"""

import re
from dataclasses import dataclass

from spoolmta.address.parts import split_address
from spoolmta.address.resolve import ERROR_TRANSPORT, RETRY_TRANSPORT, Resolution
from spoolmta.address.routing import AddressClass, Routing

_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class RecipientProblem:
    """Why mail for a recipient is refused: enhanced status code and text for the reply.

    *address_class* tells which ..._reject_code is meant; the first digit of *dsn* goes before it.
    """

    dsn: str
    text: str
    address_class: AddressClass


async def is_known_recipient(address: str, resolution: Resolution, routing: Routing) -> bool:
    """Return whether a recipient may exist; *resolution* is that of *address*.

    Raises MapUnavailable: the caller answers 451 4.3.0.
    """
    return await recipient_problem(address, resolution, routing) is None


async def recipient_problem(
    address: str,  # noqa: ARG001
    resolution: Resolution,
    routing: Routing,
) -> RecipientProblem | None:
    """Return why a recipient is refused, None if it may exist.

    An address that canonical or virtual alias maps replace counts as known.

    Raises MapUnavailable: the caller answers 451 4.3.0.
    """
    recipient = resolution.recipient
    for replacing in (
        routing.recipient_canonical_maps,
        routing.canonical_maps,
        routing.virtual_alias_maps,
    ):
        if await routing.lookup(replacing, recipient) is not None:
            return None
    if resolution.transport in (ERROR_TRANSPORT, RETRY_TRANSPORT):
        return _undeliverable(resolution)
    maps = routing.recipient_maps(resolution.address_class)
    if not maps or _is_always_known(resolution, routing):
        return None
    if await routing.lookup(maps, recipient) is not None:
        return None
    text = "User unknown"
    if routing.parameters.show_user_unknown_table_name:
        text = f"User unknown in {recipient_table(resolution.address_class)}"
    return RecipientProblem("5.1.1", text, resolution.address_class)


def recipient_table(address_class: AddressClass) -> str:
    """Return the name of a class's table, as a reply words it: "local recipient table"."""
    if address_class in (AddressClass.LOCAL, AddressClass.RELAY):
        return f"{address_class} recipient table"
    return f"{address_class} table"


def _is_always_known(resolution: Resolution, routing: Routing) -> bool:
    """Return whether it is a name of the mail system's own, which no table need list."""
    if resolution.address_class is not AddressClass.LOCAL:
        return False
    local, _ = split_address(resolution.recipient)
    return local.lower() in routing.delimiter.unsplit


def _undeliverable(resolution: Resolution) -> RecipientProblem:
    temporary = resolution.transport == RETRY_TRANSPORT
    match = _STATUS.match(resolution.nexthop)
    dsn = match[1] if match else "5.1.1"
    text = resolution.nexthop[match.end() :] if match else resolution.nexthop
    return RecipientProblem(("4" if temporary else "5") + dsn[1:], text, resolution.address_class)
