"""What the words of a command line make of a rule, or what is wrong with them.

Must not: touch the spool
"""

import re
from typing import NamedTuple

from spoolmta.cli.messages.choice import Filters, to_selector
from spoolmta.cli.messages.queue_verbs import parse_route
from spoolmta.cli.units import parse_age, parse_moment
from spoolmta.config.loader import Configuration
from spoolmta.config.parameter import parse_seconds
from spoolmta.errors import UsageError
from spoolmta.spool.surgery.rule import DEFAULT_DSN, UNSLOWED, Action, Slowness, Terms

_STATUS = re.compile(r"5\.[0-9]{1,3}\.[0-9]{1,3}")
_DEFAULT_TEXT = "mail refused by the administrator of this mail system"
_NOT_YET = {
    "state": "is in no state yet",
    "reason": "was not tried yet, so it has no reason to wait",
    "older_than": "has no age yet",
    "where": "is no row of the spool yet",
}
# Which options are for which action.
_OF_ACTION = {
    "transport": Action.REROUTE,
    "concurrency": Action.SLOW_DOWN,
    "pause": Action.SLOW_DOWN,
    "status": Action.BOUNCE,
    "text": Action.BOUNCE,
}
_NUMBER_DIGITS = 18


class Said(NamedTuple):
    """The words, as they were given."""

    action: str
    filters: Filters
    transport: str = ""
    concurrency: int | None = None
    pause: str = ""
    status: str = ""
    text: str = ""
    because: str = ""
    until: str = ""
    lasts: str = ""


def parse(said: Said, configuration: Configuration, now: float) -> Terms:
    """Return what a rule is to do from *now* on.

    Raises UsageError: the words are not clear, or contradict each other.
    """
    action = _action(said.action)
    _check_filters(said.filters, action)
    for name, its in _OF_ACTION.items():
        if getattr(said, name) not in ("", None) and its is not action:
            raise UsageError(f"--{name} is for the action {its}, not for {action}")
    parse_because(said.because)
    terms = Terms(action, to_selector(said.filters, now=now), ends_at=_end(said, now))
    match action:
        case Action.REROUTE:
            return _reroute(terms, said, configuration)
        case Action.SLOW_DOWN:
            return _slow_down(terms, said)
        case Action.BOUNCE:
            return _bounce(terms, said)
    return terms


def parse_because(text: str) -> str:
    """Return why something is done.

    Raises UsageError: nothing is said, or it is more than a line.
    """
    if not text.strip():
        raise UsageError('--because "TEXT" is needed: say why, for whoever finds the rule')
    return _line("because", text)


def parse_number(text: str) -> int:
    """Return the number of a rule.

    Raises UsageError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS):
        raise UsageError(f"{text}: a rule is named by its number; spoolmta rule list shows them")
    return int(text)


def _action(text: str) -> Action:
    if text not in set(Action):
        actions = ", ".join(Action)
        raise UsageError(f"{text}: there is no such action; a rule may {actions} mail")
    return Action(text)


def _check_filters(filters: Filters, action: Action) -> None:
    given = filters.said()
    for name, why in _NOT_YET.items():
        if name in given:
            option = name.replace("_", "-")
            verb = {"suspend": "hold", "slow-down": "list"}.get(action, action)
            raise UsageError(
                f"--{option}: a rule is for mail that is yet to come, too, which {why};"
                f" for queued mail: spoolmta queue {verb} --{option}"
            )
    if not given:
        raise UsageError(
            "whose mail? Give --sender, --recipient, --domain, --nexthop, --client or --sasl-user"
            " (--sender '*' is all mail)"
        )


def _end(said: Said, now: float) -> float | None:
    if said.until and said.lasts:
        raise UsageError("--until or --for says when the rule ends, not both")
    if said.lasts:
        lasts = parse_age(said.lasts)
        if lasts <= 0:
            raise UsageError(f"--for {said.lasts}: that ends at once")
        return now + lasts
    if not said.until:
        return None
    if parse_seconds(said.until) is not None:
        raise UsageError(f"--until {said.until}: that is an age; say --for {said.until}")
    ends_at = parse_moment(said.until, now)
    if ends_at <= now:
        raise UsageError(f"--until {said.until}: that is in the past")
    return ends_at


def _reroute(terms: Terms, said: Said, configuration: Configuration) -> Terms:
    if not said.transport:
        raise UsageError("reroute: where to? Give --transport TRANSPORT:NEXTHOP")
    route = parse_route(said.transport, configuration)
    return terms._replace(transport=route.transport, nexthop=_line("transport", route.nexthop))


def _slow_down(terms: Terms, said: Said) -> Terms:
    pause = parse_age(said.pause) if said.pause else 0.0
    if said.concurrency is not None and said.concurrency < 1:
        raise UsageError(
            f"--concurrency {said.concurrency}: at least 1; spoolmta rule add suspend lets"
            " nothing go"
        )
    slowness = Slowness(said.concurrency or 0, pause)
    if slowness == UNSLOWED:
        raise UsageError("slow-down: how slow? Give --concurrency N, or --pause TIME, or both")
    return terms._replace(slowness=slowness)


def _bounce(terms: Terms, said: Said) -> Terms:
    if said.status and not _STATUS.fullmatch(said.status):
        raise UsageError(f"--status {said.status}: expected a status code such as {DEFAULT_DSN}")
    text = _line("text", said.text) if said.text.strip() else _DEFAULT_TEXT
    return terms._replace(dsn=said.status or DEFAULT_DSN, text=text)


def _line(option: str, text: str) -> str:
    text = text.strip()
    if not text.isprintable():
        raise UsageError(f"--{option}: one line of text is needed, without control characters")
    return text
