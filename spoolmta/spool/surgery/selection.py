"""Which messages an operator means: the one selector of every command that asks or changes.

Options that are given must all fit; of one option's values, any. Patterns are those of a shell
(* and ?), their case is ignored. `where` is a condition in SQL over the columns of v1_queue and
v1_recipients; it is asked through the read-only door.

Each option reads one table once, whatever the size of the queue; the answers are sets of ids.

Must not: change anything
Limits:   a next hop is known of mail that is on its way, or was tried, as a whole
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from spoolmta.errors import UsageError
from spoolmta.spool.connection import Reader, Spool, micros, numbers
from spoolmta.spool.questions import question
from spoolmta.spool.state import State

WHERE_SECONDS = 30.0

# More are no answer to a condition, but what a slip of the pen has made of it.
_MOST_ROWS = 10_000_000
# To look a message up takes as long as to go over so many.
_LOOKUP = 5
# Those that decide for a message, and those that decide for a recipient.
_OF_MESSAGE = {
    "sender": "select_sender",
    "client": "select_client",
    "sasl_user": "select_sasl_user",
}
_OF_RECIPIENT = ("recipient", "domain")
NULL_SENDER = "<>"


class Selector(NamedTuple):
    """The options: patterns, any of which must fit; empty where one was not given.

    The null sender is "<>". *reason* is some text out of the reason, unless it has wildcards.
    *arrived_before* is in seconds.
    """

    states: tuple[State, ...] = ()
    sender: tuple[str, ...] = ()
    recipient: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    nexthop: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    sasl_user: tuple[str, ...] = ()
    arrived_before: float | None = None
    where: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """True if the states alone decide."""
        return self == Selector(self.states)

    @property
    def picks_recipients(self) -> bool:
        """True if an option tells the recipients of a message apart."""
        return any(getattr(self, option) for option in _OF_RECIPIENT)

    def said(self) -> dict[str, Any]:
        """Return the options that were given, by name."""
        found = {name: getattr(self, name) for name in self._fields}
        return {name: value for name, value in found.items() if value not in ((), None)}


class Selected(NamedTuple):
    """The ids of the messages that fit, state by state, oldest first.

    *recipients* are those that fit, as (message id, number); None: no option tells them apart.
    *sizes* are those of the messages, in bytes, as far as they were seen.
    """

    message_ids: list[int]
    recipients: Collection[tuple[int, int]] | None = None
    sizes: Mapping[int, int] = {}


class Count(NamedTuple):
    """So many messages have this in common: a sender, or a domain of recipients."""

    name: str
    messages: int


def select(
    spool: Spool,
    wanted: Selector,
    *,
    states: Sequence[State] = tuple(State),
    located: bool = True,
) -> Selected:
    """Return what *wanted* means, of the messages that are in one of *states*, state by state.

    If not *located*, the caller looks at the states anyway, and others may be among them.
    Raises UsageError: the condition in SQL is none, or takes too long.
    """
    meant = tuple(state for state in states if state in (wanted.states or states))
    with spool.mapped():
        picked = _recipients(spool, wanted)
        sizes = list(_sizes(spool, wanted, meant))
        sets = [known.keys() for known in sizes] + list(_sets(spool, wanted))
        if picked is not None:
            sets.append({message_id for message_id, _ in picked})
        if not sets:
            ids = _all_in(spool, meant)
        else:
            smallest, *others = sorted(sets, key=len)
            ids = sorted(set(smallest).intersection(*others) if others else smallest)
            if located or wanted.states or picked is not None:
                ids = _in_states(spool, ids, meant)
    if picked is not None:
        kept = set(ids)
        picked = {one for one in picked if one[0] in kept}
    return Selected(ids, picked, sizes[0] if sizes else {})


def top_senders(reader: Reader, message_ids: Sequence[int], limit: int) -> list[Count]:
    """Return who sent most of these messages."""
    bindings = {"ids": numbers(message_ids), "limit": limit}
    return [Count(*row) for row in reader.read("count_by_sender", bindings)]


def top_domains(reader: Reader, message_ids: Sequence[int], limit: int) -> list[Count]:
    """Return the domains that most of these messages are for."""
    bindings = {"ids": numbers(message_ids), "limit": limit}
    return [Count(*row) for row in reader.read("count_by_domain", bindings)]


def pattern(text: str) -> str:
    """Return a pattern for GLOB, in lower case, in which * and ? keep their meaning and [ has none.

    Bytes that are no UTF-8 fit nothing.
    """
    return _folded(text).replace("[", "[[]")


def _folded(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").lower().decode("utf-8", "replace")


def _few(spool: Spool, states: Sequence[State]) -> list[int] | None:
    """Return the messages of *states* if to look at them alone takes less than to look at all."""
    if State.DEFERRED in states:
        return None
    ids = _all_in(spool, states)
    ((deferred,),) = spool.read("deferred_messages")
    return ids if len(ids) * _LOOKUP <= deferred else None


def _all_in(spool: Spool, states: Sequence[State]) -> list[int]:
    return [row[0] for state in states for row in spool.read(f"select_{state}")]


def _sizes(spool: Spool, wanted: Selector, states: Sequence[State]) -> Iterable[dict[int, int]]:
    """Yield, with their sizes, the messages that fit each option that their own row decides.

    Those that are in none of *states* may be left out.
    """
    options = [option for option in _OF_MESSAGE if getattr(wanted, option)]
    if not options and wanted.arrived_before is None:
        return
    among = _few(spool, states)

    def fit(statement: str, **bound: object) -> dict[int, int]:
        ids = None if among is None else numbers(among)
        return dict(spool.read(statement, {"all": among is None, "ids": ids, **bound}))

    for option in options:
        asked = [_asked(option, _meant(text)) for text in getattr(wanted, option)]
        first, *more = (fit(statement, pattern=one) for statement, one in asked)
        for found in more:
            first |= found
        yield first
    if wanted.arrived_before is not None:
        yield fit("select_older_than", before=micros(wanted.arrived_before))


def _meant(text: str) -> str:
    return "" if text == NULL_SENDER else text


def _asked(option: str, text: str) -> tuple[str, str]:
    """Return the statement and its pattern for a text of an option that decides for a message."""
    if option == "sender" and not _has_wildcards(text):
        # To compare whole addresses is half the work of a pattern.
        return "select_sender_exactly", _folded(text)
    return _OF_MESSAGE[option], pattern(text)


def _sets(spool: Spool, wanted: Selector) -> Iterable[set[int]]:
    """Yield the messages that fit each option that is decided elsewhere."""
    if wanted.nexthop:
        yield _any(spool, "select_nexthop", [pattern(_meant(text)) for text in wanted.nexthop])
    if wanted.reason:
        yield _any(spool, "select_reason", [_within(text) for text in wanted.reason])
    for condition in wanted.where:
        yield _where(spool, condition)


def _any(spool: Spool, statement: str, patterns: Sequence[str]) -> set[int]:
    return {row[0] for one in patterns for row in spool.read(statement, {"pattern": one})}


def _recipients(spool: Spool, wanted: Selector) -> set[tuple[int, int]] | None:
    """Return the recipients that fit all options that tell them apart; None without any."""
    found: set[tuple[int, int]] | None = None
    for option in _OF_RECIPIENT:
        texts = getattr(wanted, option)
        if not texts:
            continue
        patterns = [pattern(f"*@{text}" if option == "domain" else text) for text in texts]
        rows = {
            (row[0], row[1])
            for one in patterns
            for row in spool.read(f"select_{option}", {"pattern": one})
        }
        found = rows if found is None else found & rows
    return found


def _in_states(spool: Spool, ids: Sequence[int], states: Sequence[State]) -> list[int]:
    # All states at one moment: what moves meanwhile is neither lost nor found twice.
    rows = spool.read("states_of_messages", {"ids": numbers(ids)})
    return [message_id for message_id, state in rows if state in states]


def _within(text: str) -> str:
    """Return the pattern of a reason: some text out of it, unless there are wildcards."""
    return pattern(text) if _has_wildcards(text) else f"*{pattern(text)}*"


def _has_wildcards(text: str) -> bool:
    return "*" in text or "?" in text


def _where(spool: Spool, condition: str) -> set[int]:
    """Return the messages for which a condition over v1_queue, or v1_recipients, too, holds."""
    try:
        rows = _ask(spool, "v1_queue", condition)
    except UsageError as error:
        if "no such column" not in str(error):
            raise _explained(error) from None
        try:
            rows = _ask(
                spool, "v1_queue JOIN v1_recipients USING (message_id, queue_id)", condition
            )
        except UsageError as second:
            raise _explained(second) from None
    return {row[0] for row in rows}


def _ask(spool: Spool, source: str, condition: str) -> Sequence[tuple[Any, ...]]:
    # The condition ends with its line, so that a comment at its end hides nothing of ours.
    text = f"SELECT DISTINCT message_id FROM {source} WHERE (\n{condition}\n)"
    answer = question.ask(spool.path, text, seconds=WHERE_SECONDS, limit=_MOST_ROWS)
    if not answer.complete:
        raise UsageError(f"more than {_MOST_ROWS:,} rows fit it")
    return answer.rows


def _explained(error: UsageError) -> UsageError:
    return UsageError(
        f"--where: {error} (a condition over the columns of v1_queue and v1_recipients, such as"
        " \"size > 1000000 AND sender LIKE '%@news.example'\")"
    )
