"""What came in by one login, from one client or one sender: what is queued, and what has left.

Must not: change anything
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from spoolmta.spool.connection import Spool, numbers, seconds
from spoolmta.spool.questions import past

_PAGE = 5000


@dataclass(frozen=True, slots=True)
class Culprit:
    """Whose mail is meant: patterns with * and ?, case ignored; all that are given must fit.

    The null sender is "".
    """

    sasl_user: str | None = None
    client: str | None = None
    sender: str | None = None

    @property
    def patterns(self) -> dict[str, str | None]:
        """The patterns as SQLite's GLOB has them."""
        return {
            "sasl_user": _glob(self.sasl_user),
            "client": _glob(self.client),
            "sender": _glob(self.sender),
        }


class Suspect(NamedTuple):
    """A message of the culprit, queued or gone; *arrived_at* in seconds."""

    message_id: int
    queue_id: str
    arrived_at: float
    sender: str
    client: str
    sasl_user: str


class Departure(NamedTuple):
    """A recipient who has got mail of the culprit; *at* in seconds."""

    at: float
    recipient: str
    relay: str
    message_id: int


class Traces(NamedTuple):
    """What a slice of the journal tells: mail of the culprit, and what of it was *sent*."""

    seen: int
    accepted: list[Suspect]
    sent: list[Departure]


def queued(reader: Spool, culprit: Culprit) -> Iterator[tuple[int, list[Suspect]]]:
    """Yield (messages looked at, those of the culprit), of all that is in the spool."""
    after = 0
    while True:
        ((upto,),) = reader.read("end_of_page", {"after": after, "limit": _PAGE})
        if upto is None:
            return
        range_ = {"after": after, "upto": upto}
        rows = reader.read("suspects_between", {**range_, **culprit.patterns})
        found = [Suspect(number, name, seconds(at), *rest) for number, name, at, *rest in rows]
        yield _PAGE, found
        after = upto


def traces(reader: Spool, culprit: Culprit, *, since: float) -> Iterator[Traces]:
    """Yield what the journal knows of the culprit's mail, the latest first, back to *since*."""
    # An end is seen before its beginning: deliveries wait here until it is known whose they are.
    ends: dict[int, list[Departure]] = {}
    for seen, rows in past.slices(reader, "traces_back", culprit.patterns, since=since):
        accepted, sent = [], []
        for message_id, at, is_end, recipient, relay, told in rows:
            if is_end:
                departure = Departure(seconds(at), recipient, relay or "", message_id)
                ends.setdefault(message_id, []).append(departure)
                continue
            gone = ends.pop(message_id, [])
            if told is not None and seconds(at) >= since:
                accepted.append(_suspect(message_id, seconds(at), msgspec.json.decode(told)))
                sent += gone
        yield Traces(seen, accepted, [departure for departure in sent if departure.at >= since])


def count_unanswered(reader: Spool, message_ids: list[int]) -> int:
    """Return how many recipients of some messages have no final answer."""
    return int(reader.read("count_waiting_recipients", {"ids": numbers(message_ids)})[0][0])


def _suspect(message_id: int, at: float, said: Mapping[str, object]) -> Suspect:
    return Suspect(
        message_id,
        str(said.get("queue_id") or f"{message_id:015X}"),
        at,
        str(said.get("sender") or ""),
        str(said.get("client") or ""),
        str(said.get("sasl_username") or ""),
    )


def _glob(pattern: str | None) -> str | None:
    return None if pattern is None else pattern.lower().replace("[", "[[]")
