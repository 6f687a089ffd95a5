"""A standing rule, and whose mail it fits: a plain function of an envelope and a next hop.

Of different options all must fit, of one option's patterns any; * and ? are wildcards, the case of
ASCII letters is ignored: as with the selector of queued mail (selection.py).

Must not: read rows or clocks
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from fnmatch import translate
from functools import lru_cache
from typing import NamedTuple

from spoolmta.spool.surgery.selection import NULL_SENDER, Selector, pattern

# How the destinations of mail that is slowed down begin: "rule:3:example.com".
SLOWED = "rule:"
DEFAULT_DSN = "5.7.1"


class Action(StrEnum):
    """What is done with mail that fits; of several rules that fit a message the first action wins.

    HOLD       it is kept until somebody releases it
    SUSPEND    it waits, untried, until the rule ends
    BOUNCE     the recipients that fit are returned
    REROUTE    they go elsewhere
    SLOW_DOWN  they go, beside the others, as fast as the rule says
    """

    HOLD = "hold"
    SUSPEND = "suspend"
    BOUNCE = "bounce"
    REROUTE = "reroute"
    SLOW_DOWN = "slow-down"


class Source(NamedTuple):
    """Who sent a message."""

    sender: str
    client_name: str = ""
    client_address: str = ""
    sasl_username: str = ""


class Goal(NamedTuple):
    """Whom a message is for, as it is and as it was received, and its next hop."""

    address: str
    original: str
    nexthop: str


class Slowness(NamedTuple):
    """So many deliveries at once, and so many seconds between two; 0: no such limit."""

    concurrency: int = 0
    pause: float = 0.0


UNSLOWED = Slowness()


class Terms(NamedTuple):
    """What a rule is to do, for whose mail, and until when (seconds; None: until it is removed)."""

    action: Action
    selection: Selector
    transport: str = ""
    nexthop: str = ""
    slowness: Slowness = UNSLOWED
    dsn: str = ""
    text: str = ""
    ends_at: float | None = None


class Rule(NamedTuple):
    """A rule as it is written down; times are seconds. *ended_at* None: it is in force."""

    rule_id: int
    terms: Terms
    author: str
    uid: int
    because: str
    created_at: float
    ended_at: float | None = None
    ended_by: str = ""
    ended_because: str = ""

    @property
    def action(self) -> Action:
        """What it does."""
        return self.terms.action

    @property
    def name(self) -> str:
        """What the mail that it keeps is said to be kept by."""
        return f"rule {self.rule_id} of {self.author}: {self.because}"

    @property
    def tells_recipients_apart(self) -> bool:
        """True if it may fit some recipients of a message, and others not."""
        return self.terms.selection.picks_recipients or bool(self.terms.selection.nexthop)

    @property
    def way(self) -> tuple[str, str]:
        """Transport and next hop of the mail that it sends elsewhere, or returns."""
        terms = self.terms
        if terms.action is Action.BOUNCE:
            return "error", f"{terms.dsn} {terms.text}"
        return terms.transport, terms.nexthop

    @property
    def told(self) -> dict[str, object]:
        """What an event of its tells beside the rest."""
        return {"rule": self.rule_id, "by": self.author, "because": self.because}


class Rules:
    """The rules in force."""

    __slots__ = ("_by_action", "rules")

    def __init__(self, rules: tuple[Rule, ...] = ()) -> None:
        self.rules = rules
        latest = sorted(rules, key=lambda rule: -rule.rule_id)
        self._by_action = {a: tuple(r for r in latest if r.action is a) for a in Action}

    def __bool__(self) -> bool:
        return bool(self.rules)

    @property
    def next_end(self) -> float | None:
        """When the first of them ends by itself, in seconds."""
        ends = [r.terms.ends_at for r in self.rules if r.terms.ends_at is not None]
        return min(ends, default=None)

    def binding(self, source: Source, goal: Goal) -> list[Rule]:
        """Return the rules that decide on this mail: one that keeps or returns it stands alone."""
        for action in (Action.HOLD, Action.SUSPEND):
            found = self.that_fits(action, source, goal)
            if found is not None:
                return [found]
        return self.leading(source, goal)

    def leading(self, source: Source, goal: Goal) -> list[Rule]:
        """Return the rules that say where mail goes that none lets wait, and how fast."""
        returned = self.that_fits(Action.BOUNCE, source, goal)
        if returned is not None:
            return [returned]
        ways = (Action.REROUTE, Action.SLOW_DOWN)
        both = (self.that_fits(action, source, goal) for action in ways)
        return [rule for rule in both if rule is not None]

    def that_fits(self, action: Action, source: Source, goal: Goal) -> Rule | None:
        """Return the rule with *action* that binds this mail."""
        return next(self.all_that_fit(action, source, goal), None)

    def all_that_fit(self, action: Action, source: Source, goal: Goal) -> Iterator[Rule]:
        """Return the rules with *action* that bind this mail, the latest first."""
        return (r for r in self._by_action[action] if fits(r.terms.selection, source, goal))


def fits(selection: Selector, source: Source, goal: Goal) -> bool:
    """Return whether mail of this source to one recipient is meant."""
    return (
        _any(selection.sender, source.sender)
        and _any(selection.client, source.client_address, source.client_name)
        and _any(selection.sasl_user, source.sasl_username)
        and _any(selection.recipient, goal.address, goal.original)
        and _any(tuple(f"*@{text}" for text in selection.domain), goal.address)
        and _any(selection.nexthop, goal.nexthop)
    )


def slowed(rule: Rule, destination: str) -> str:
    """Return the name by which the scheduler counts slowed mail to *destination*."""
    return f"{SLOWED}{rule.rule_id}:{destination}"


def rule_of(destination: str) -> int | None:
    """Return the number of the rule that slows mail to a destination down; None: it is not."""
    if not destination.startswith(SLOWED):
        return None
    number = destination.removeprefix(SLOWED).partition(":")[0]
    return int(number) if number.isascii() and number.isdigit() else None


def _any(patterns: tuple[str, ...], *texts: str) -> bool:
    if not patterns:
        return True
    folded = [_fold(text) for text in texts]
    return any(_compiled(one).match(text) for one in patterns for text in folded)


def _fold(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").lower().decode("utf-8", "replace")


@lru_cache(maxsize=4096)
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(translate(pattern("" if text == NULL_SENDER else text)))
