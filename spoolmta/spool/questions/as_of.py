"""The queue as it was at a time, told from the journal alone.

It is read backwards from that time: the latest event that moved a message says where it was, the
first one, its arrival, whose it is.

Must not: change anything
Limits:   as far back as the journal reaches: mail that came in before its beginning is not seen;
          of a message's recipients, those that its first event names
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from spoolmta.spool.connection import Spool, micros, seconds

_WINDOW = 20_000
_GONE = ("removed", "deleted")
# Where an event leaves its message; that of accepted and cleaned says so itself.
_PLACES = {
    "resolved": "active",
    "passed": "active",
    "refused": "active",
    "postponed": "deferred",
    "released": "deferred",
    "recalled": "deferred",
    "flushed": "deferred",
    "held": "hold",
    "corrupted": "corrupt",
    "requeued": "maildrop",
}
_ARRIVALS = ("accepted", "cleaned")
_ANSWERS = ("sent", "bounced", "deferred")


@dataclass(slots=True)
class Past:
    """A message as it was; times are seconds. *answered* are recipients with a final answer."""

    message_id: int
    state: str = ""
    queue_id: str = ""
    sender: str = ""
    size: int = 0
    arrived_at: float = 0.0
    next_try_at: float | None = None
    reason: str = ""
    recipients: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def waiting(self) -> list[str]:
        """The recipients that had no final answer."""
        return [r for r in self.recipients if self.answers.get(r, "deferred") == "deferred"]


def queue(reader: Spool, at: float) -> Iterator[tuple[int, list[Past]]]:
    """Yield (events looked at, messages that were in the spool at *at* seconds), latest first."""
    reader.attach_history()
    high = int(reader.read("last_event")[0][0] or 0)
    kinds = msgspec.json.encode([*_GONE, *_PLACES, *_ARRIVALS, *_ANSWERS]).decode()
    open_: dict[int, Past | None] = {}
    while high > 0:
        low = max(0, high - _WINDOW)
        bindings = {"low": low, "high": high, "until": micros(at), "kinds": kinds}
        complete = []
        for when, message_id, kind, recipient, detail in reader.read("events_up_to", bindings):
            if kind in _GONE:
                open_.setdefault(message_id, None)
                continue
            past = open_.setdefault(message_id, Past(message_id))
            if past is not None:
                _tell(past, seconds(when), kind, recipient, msgspec.json.decode(detail))
            if kind == "accepted":
                del open_[message_id]
                if past is not None:
                    complete.append(past)
        yield high - low, complete
        high = low


def _tell(past: Past, at: float, kind: str, recipient: str, said: dict[str, object]) -> None:
    """Take an event that lies before all that is known of the message."""
    if kind in _ANSWERS:
        past.answers.setdefault(recipient, kind)
        if kind == "deferred" and not past.reason:
            past.reason = str(said.get("reason") or "")
        return
    if not past.state:
        past.state = _PLACES.get(kind) or str(said.get("state"))
        _tell_more(past, at, kind, said)
    if kind in _ARRIVALS and not past.recipients:
        names = said.get("recipients")
        past.recipients = [str(name) for name in names] if isinstance(names, list) else []
        past.sender = str(said.get("sender") or "")
    if kind == "accepted":
        past.arrived_at = at
        past.queue_id = str(said.get("queue_id") or f"{past.message_id:015X}")
        size = said.get("size")
        past.size = size if isinstance(size, int) else 0


def _tell_more(past: Past, at: float, kind: str, said: dict[str, object]) -> None:
    """Take what the event says that put the message where it was."""
    if kind in ("held", "corrupted") or (kind in _ARRIVALS and past.state == "hold"):
        past.reason = str(said.get("reason") or "")
    if past.state == "deferred":
        retry_at = said.get("retry_at")
        past.next_try_at = float(retry_at) if isinstance(retry_at, int | float) else at
