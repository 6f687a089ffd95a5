"""The state tables and the latest answers, told from the events of the journal alone.

What an operator's command did carries its number: an undo goes back to how the message was before.

Whoever changes what is written there must be able to tell the tables from it still.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

Event = tuple[int, int, str, str]  # at, message id, kind, detail: as the rows have them

SEVERITY = ("sent", "bounced", "deferred")
TRASH = "trash"
# Whose undo leaves the envelope and the answers as they are by then.
PLACES_ONLY = ("held", "deleted")


@dataclass
class Life:
    """One message: where it is and why, its recipients by number, and their latest answers.

    *moves* counts how often it changed its place; *before* says how each operation found it, and
    what was the first that it did.
    """

    state: str = ""
    sender: str = ""
    moves: int = 0
    reason: str = ""
    retry_at: float | None = None
    recipients: dict[int, str] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    before: dict[int, tuple[str, "Life"]] = field(default_factory=dict)


def replay(events: Iterable[Event]) -> dict[int, Life]:
    """Return the messages that are in the spool after *events*, by id."""
    lives: dict[int, Life] = {}
    for at, message_id, kind, detail in events:
        if not message_id:
            continue
        said = json.loads(detail)
        if kind in ("removed", "emptied") or (kind == "deleted" and "operation" not in said):
            del lives[message_id]
        elif kind == "accepted":
            lives[message_id] = _arrived(Life(), said)
        elif kind == "prioritised":
            _put_first(lives, message_id, said["operation"], at / 1_000_000)
        else:
            life = lives[message_id]
            _remember(life, kind, said)
            _change(life, kind, said, at / 1_000_000)
    return {message_id: life for message_id, life in lives.items() if life.state != TRASH}


def _put_first(lives: dict[int, Life], message_id: int, operation: int, at: float) -> None:
    life = lives[message_id]
    _remember(life, "prioritised", {"operation": operation})
    if life.retry_at is not None:
        life.retry_at = min(at, *(o.retry_at for o in lives.values() if o.retry_at is not None))


def _remember(life: Life, kind: str, said: dict[str, Any]) -> None:
    """Keep how an operation finds a message."""
    if "operation" in said and kind not in ("restored", "undone"):
        was = replace(
            life,
            recipients=dict(life.recipients),
            answers=dict(life.answers),
            told=set(life.told),
            before={},
        )
        life.before.setdefault(said["operation"], (kind, was))


def _arrived(life: Life, said: dict[str, Any]) -> Life:
    _move(life, said["state"], said.get("reason", ""))
    life.sender = said["sender"]
    life.told, life.fresh = set(), set()
    life.recipients = dict(enumerate(said["recipients"]))
    life.answers = dict.fromkeys(said.get("expanded", ()), "sent")
    return life


def _change(life: Life, kind: str, said: dict[str, Any], at: float) -> None:
    if kind == "cleaned":
        _arrived(life, said)
    elif kind == "addressed":
        life.recipients |= dict(enumerate(said["recipients"], said["first"]))
    elif kind in SEVERITY:
        _answer(life, said.get("number", 0), kind)
    elif kind == "expired":
        _move(life, "active")
        life.answers = {n: "bounced" if a == "deferred" else a for n, a in life.answers.items()}
    elif kind == "requeued":
        _reopen(life)
        over = {number for number, answer in life.answers.items() if answer != "deferred"}
        life.recipients = {n: a for n, a in life.recipients.items() if n not in over}
        life.answers = {}
        _move(life, "maildrop")
    elif kind == "released":
        _reopen(life)
        _move(life, "deferred", retry_at=at)
    elif kind == "flushed":
        life.retry_at = at
    elif kind in ("resolved", "refused"):
        if life.state != "active":
            life.fresh = set()
        _move(life, "active")
    elif kind == "postponed":
        # The sender has been told of what bounced: nobody tries it again.
        life.told |= {number for number, answer in life.answers.items() if answer == "bounced"}
        _move(life, "deferred", retry_at=said["retry_at"])
    elif kind in ("held", "corrupted"):
        _move(life, {"held": "hold", "corrupted": "corrupt"}[kind], reason=said["reason"])
    else:
        _operate(life, kind, said, at)


def _operate(life: Life, kind: str, said: dict[str, Any], at: float) -> None:
    """What only operators do."""
    if kind == "deleted":
        _move(life, TRASH)
    elif kind == "recalled":
        _move(life, "deferred", retry_at=at)
    elif kind == "returned":
        life.fresh = set()
        _move(life, "active")
    elif kind == "rerouted" and life.retry_at is not None:
        life.retry_at = min(life.retry_at, at)
    elif kind == "sender_changed":
        life.sender = said["sender"]
    elif kind == "recipient_added":
        life.recipients[max(life.recipients) + 1] = said["address"]
    elif kind == "recipient_dropped":
        del life.recipients[said["number"]]
        life.answers.pop(said["number"], None)
    elif kind == "recipient_replaced":
        life.recipients[said["number"]] = said["address"]
    elif kind == "restored":
        _restore(life, said)
    elif kind == "undone":
        first, was = life.before[said["operation"]]
        if first == "sender_changed":
            life.sender = was.sender


def _restore(life: Life, said: dict[str, Any]) -> None:
    """Go back to how an operation found the message, but for what was answered meanwhile."""
    first, was = life.before[said["operation"]]
    # Released mail that was tried since keeps its answers.
    moved_since = first in ("released", "expiring") and life.moves > was.moves + 1
    if first not in PLACES_ONLY and not moved_since:
        life.sender = was.sender
        life.recipients, life.answers = dict(was.recipients), dict(was.answers)
        life.told, life.fresh = set(was.told), set()
    if was.state == "active":
        _reopen(life)
    _move(life, said["state"], said["reason"], said["retry_at"])


def _answer(life: Life, number: int, kind: str) -> None:
    """Of several answers for one recipient in one activation, the worst one stands."""
    before = life.answers.get(number, "sent") if number in life.fresh else "sent"
    life.answers[number] = max(before, kind, key=SEVERITY.index)
    life.fresh.add(number)


def _reopen(life: Life) -> None:
    """Let recipients wait again whose bounce nobody has been told of."""
    life.answers = {n: a for n, a in life.answers.items() if a != "bounced" or n in life.told}


def _move(life: Life, state: str, reason: str = "", retry_at: float | None = None) -> None:
    life.state, life.reason, life.retry_at = state, reason, retry_at
    life.moves += 1
