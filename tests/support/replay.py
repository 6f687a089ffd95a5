"""The state tables and the latest answers, told from the events of the journal alone.

Whoever changes what is written there must be able to tell the tables from it still.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Event = tuple[int, int, str, str]  # at, message id, kind, detail: as the rows have them

SEVERITY = ("sent", "bounced", "deferred")


@dataclass
class Life:
    """One message: where it is and why, its recipients by number, and their latest answers."""

    state: str = ""
    reason: str = ""
    retry_at: float | None = None
    recipients: dict[int, str] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)


def replay(events: Iterable[Event]) -> dict[int, Life]:
    """Return the messages that are in the spool after *events*, by id."""
    lives: dict[int, Life] = {}
    for at, message_id, kind, detail in events:
        if not message_id:
            continue
        said = json.loads(detail)
        if kind in ("removed", "deleted"):
            del lives[message_id]
        elif kind == "accepted":
            lives[message_id] = _arrived(Life(), said)
        else:
            _change(lives[message_id], kind, said, at / 1_000_000)
    return lives


def _arrived(life: Life, said: dict[str, Any]) -> Life:
    life.state, life.reason = said["state"], said.get("reason", "")
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
    elif kind in ("flushed", "recalled"):
        _move(life, "deferred", retry_at=at)
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
