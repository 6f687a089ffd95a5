"""The verbs that change queued messages: for which states, by what operation, whom they wake.

Postfix:  postsuper(1)
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from spoolmta.config.loader import Configuration
from spoolmta.config.program import transports
from spoolmta.errors import UsageError
from spoolmta.spool.connection import Transaction
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin, edits, returns
from spoolmta.spool.surgery.admin import Done
from spoolmta.spool.surgery.operations import Operation
from spoolmta.spool.surgery.returns import Answer
from spoolmta.spool.surgery.selection import Selected
from spoolmta.spool.surgery.ways import Route

HELD_BY_OPERATOR = "held by an operator"

Work = Callable[[Transaction, Selected, Operation], Done]


class Verb(NamedTuple):
    """What a command does; *past* ends the sentence "3 messages ...".

    *said* is what it was told beside whose mail is meant, for the record.
    """

    name: str
    past: str
    states: tuple[State, ...]
    wakes: tuple[str, ...]
    work: Work
    said: Mapping[str, object] = {}


def hold(because: str) -> Verb:
    """Return the verb that keeps messages until they are released."""
    reason = because or HELD_BY_OPERATOR

    def work(tx: Transaction, selected: Selected, operation: Operation) -> Done:
        return admin.hold(tx, selected.message_ids, reason, operation=operation)

    return Verb("hold", "put on hold", admin.HOLDABLE, ("qmgr",), work)


def release() -> Verb:
    """Return the verb that lets held messages go."""
    return Verb(
        "release",
        "released",
        (State.HOLD,),
        ("trivial_rewrite",),
        lambda tx, selected, operation: admin.release(tx, selected.message_ids, operation),
    )


def requeue() -> Verb:
    """Return the verb that passes messages through cleanup again."""
    return Verb(
        "requeue",
        "requeued",
        admin.REQUEUABLE,
        ("pickup", "qmgr"),
        lambda tx, selected, operation: admin.requeue(
            tx, selected.message_ids, operation=operation
        ),
    )


def delete() -> Verb:
    """Return the verb that puts messages into the trash."""
    return Verb(
        "delete",
        "deleted",
        tuple(State),
        ("qmgr",),
        lambda tx, selected, operation: admin.delete(
            tx, selected.message_ids, operation=operation, sizes=selected.sizes
        ),
    )


def bounce(text: str) -> Verb:
    """Return the verb that returns messages to their senders, who are told *text*."""
    answer = Answer("5.7.0", text or "returned by the administrator of this mail system")
    return Verb(
        "bounce",
        "returned to their senders",
        returns.RETURNABLE,
        ("bounce", "qmgr"),
        lambda tx, selected, operation: returns.bounce(tx, selected.message_ids, answer, operation),
        {"text": answer.reason},
    )


def expire() -> Verb:
    """Return the verb that returns messages as if they had been here too long."""
    return Verb(
        "expire",
        "expired",
        returns.RETURNABLE,
        ("bounce", "qmgr"),
        lambda tx, selected, operation: returns.expire(tx, selected.message_ids, operation),
    )


def reroute(route: Route) -> Verb:
    """Return the verb that sends mail elsewhere."""
    return Verb(
        "reroute",
        f"rerouted to {route.transport}:{route.nexthop}",
        edits.EDITABLE,
        ("trivial_rewrite", "qmgr"),
        lambda tx, selected, operation: edits.reroute(
            tx, selected.message_ids, route, selected.recipients, operation
        ),
        route._asdict(),
    )


def prioritise() -> Verb:
    """Return the verb that lets messages go first."""
    return Verb(
        "prioritise",
        "put first",
        edits.EDITABLE,
        ("trivial_rewrite", "qmgr"),
        lambda tx, selected, operation: edits.prioritise(tx, selected.message_ids, operation),
    )


def sender(address: str) -> Verb:
    """Return the verb that changes the envelope sender."""
    address = _address(address)
    return _edit(
        "sender",
        f"now from {address or '<>'}",
        lambda tx, selected, operation: edits.change_sender(
            tx, selected.message_ids, address, operation
        ),
        {"address": address},
    )


def add_recipient(address: str) -> Verb:
    """Return the verb that sends messages to one more recipient."""
    address = _address(address)
    return _edit(
        "add-recipient",
        f"now for {address}, too",
        lambda tx, selected, operation: edits.add_recipient(
            tx, selected.message_ids, address, operation
        ),
        {"address": address},
    )


def drop_recipient(address: str) -> Verb:
    """Return the verb that takes recipients out of messages."""
    return _edit(
        "drop-recipient",
        f"not for {address} any more",
        lambda tx, selected, operation: edits.drop_recipient(
            tx, selected.message_ids, address, operation
        ),
        {"address": address},
    )


def replace_recipient(address: str, new: str) -> Verb:
    """Return the verb that gives recipients another address."""
    new = _address(new)
    return _edit(
        "replace-recipient",
        f"now for {new} instead of {address}",
        lambda tx, selected, operation: edits.replace_recipient(
            tx, selected.message_ids, address, new, operation
        ),
        {"address": address, "new": new},
    )


def parse_route(text: str, configuration: Configuration) -> Route:
    """Return the route that "transport:nexthop" means.

    Raises UsageError: master.cf has no such transport.
    """
    transport, colon, nexthop = text.strip().partition(":")
    known = sorted(transports(configuration.services))
    if not colon or transport not in known:
        raise UsageError(
            f"{text}: say transport:nexthop, such as smtp:[relay.example]:587; the transports of"
            f" master.cf are {', '.join(known)}"
        )
    return Route(transport, nexthop)


def _edit(name: str, past: str, work: Work, said: Mapping[str, object]) -> Verb:
    return Verb(name, past, edits.EDITABLE, ("trivial_rewrite", "qmgr"), work, said)


def _address(text: str) -> str:
    """Return an address as the spool has it.

    Raises UsageError: it is none.
    """
    if text == "<>":
        return ""
    local, at, domain = text.strip().strip("<>").rpartition("@")
    if not (at and local and domain) or any(c.isspace() or not c.isprintable() for c in text):
        raise UsageError(f"{text}: an address is needed, such as alice@example.com")
    return f"{local}@{domain}"
