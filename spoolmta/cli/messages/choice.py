"""Which messages a command means: by id, by filters, or all of them.

Must not: import what is heavy; the command line is built from it
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from spoolmta.cli.units import parse_age
from spoolmta.errors import UsageError

if TYPE_CHECKING:
    from spoolmta.spool.surgery.selection import Selector

ALL = "ALL"
FROM_STDIN = "-"

_Texts = list[str] | None


class Filters(NamedTuple):
    """The filter options as the command line gives them; None where one was not given."""

    state: _Texts = None
    sender: _Texts = None
    recipient: _Texts = None
    domain: _Texts = None
    nexthop: _Texts = None
    reason: _Texts = None
    client: _Texts = None
    sasl_user: _Texts = None
    older_than: str | None = None
    where: _Texts = None

    @property
    def given(self) -> bool:
        """True if any filter was given."""
        return bool(self.said())

    def said(self) -> dict[str, list[str] | str]:
        """Return those that were given, by name."""
        return {name: value for name, value in self._asdict().items() if value}


class Choice(NamedTuple):
    """The messages that are meant: *ids* one by one, or *everything*, or what *filters* fit."""

    ids: tuple[str, ...] = ()
    everything: bool = False
    filters: Filters = Filters()
    from_stdin: bool = False

    @classmethod
    def of(
        cls, words: Iterable[str] | None, filters: Filters, *, everything: bool = False
    ) -> "Choice":
        """Return what the words of a command line mean; "-" stands for ids on standard input.

        Raises UsageError: it is not clear which messages are meant.
        """
        ids = list(words or ())
        if ALL in ids:
            ids.remove(ALL)
            everything = True
        from_stdin = FROM_STDIN in ids
        if from_stdin:
            ids.remove(FROM_STDIN)
            # As in a listing of mailq, the id is the first word, maybe with a mark.
            lines = (line.split() for line in sys.stdin)
            ids += [words[0].rstrip("*!") for words in lines if words]
        ways = [bool(ids) or from_stdin, everything, filters.given]
        if sum(ways) > 1:
            raise UsageError("name messages by ID, or by filters, or say ALL, not two of these")
        return cls(tuple(dict.fromkeys(ids)), everything, filters, from_stdin)

    @property
    def is_bulk(self) -> bool:
        """True if the messages were not named one by one on the command line."""
        return self.everything or self.filters.given or self.from_stdin

    @property
    def by_id(self) -> bool:
        """True if messages are named one by one, if only none of them: standard input was empty."""
        return bool(self.ids) or self.from_stdin

    @property
    def names_any(self) -> bool:
        """True if the command line says which messages are meant."""
        return bool(self.ids) or self.is_bulk

    def said(self) -> dict[str, object]:
        """Return what was asked for, for the record."""
        if self.everything:
            return {"all": True}
        return dict(self.filters.said()) if self.filters.given else {"ids": self.ids[:100]}


def to_selector(filters: Filters, *, now: float) -> "Selector":
    """Return what the filter options mean at time *now*.

    Raises UsageError: a state or an age is none, or a pattern is empty.
    """
    from spoolmta.spool.state import State
    from spoolmta.spool.surgery.selection import Selector

    given = filters.said()
    for name in (
        "sender",
        "recipient",
        "domain",
        "nexthop",
        "reason",
        "client",
        "sasl_user",
        "where",
    ):
        if any(not text.strip() for text in given.get(name, ())):
            option = name.replace("_", "-")
            raise UsageError(f"--{option}: an empty text means no message (the null sender is <>)")
    states = [name.strip() for text in filters.state or () for name in text.split(",")]
    unknown = [name for name in states if name not in set(State)]
    if unknown:
        raise UsageError(f"{unknown[0]}: there is no such state; the states are {', '.join(State)}")
    age = filters.older_than
    return Selector(
        states=tuple(State(name) for name in states),
        sender=tuple(filters.sender or ()),
        recipient=tuple(filters.recipient or ()),
        domain=tuple(filters.domain or ()),
        nexthop=tuple(filters.nexthop or ()),
        reason=tuple(filters.reason or ()),
        client=tuple(filters.client or ()),
        sasl_user=tuple(filters.sasl_user or ()),
        arrived_before=None if age is None else now - parse_age(age),
        where=tuple(filters.where or ()),
    )
