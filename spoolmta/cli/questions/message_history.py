"""The journal in plain words: one line an event, with the time since the first and the last one."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from spoolmta.cli.output import Progress, note, print_json, printable
from spoolmta.cli.units import format_age, format_size, format_time, plural
from spoolmta.message.queue_id import format_queue_id, parse_queue_id
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect, past
from spoolmta.spool.questions.inspect import Event

Detail = Mapping[str, object]


def show(spool: Spool, what: str, *, limit: int, as_json: bool) -> bool:
    """Print the history of a queue id, Message-ID or address; return False if there is none."""
    message_id = parse_queue_id(what)
    if message_id is not None:
        return _show_message(spool, message_id, what, as_json=as_json)
    if "@" in what:
        return _show_address(spool, what.strip("<>"), limit, as_json=as_json)
    form = "neither a queue id (15 digits, or the long form) nor a Message-ID or an address"
    note(f"{printable(what)}: {form}")
    return False


def in_words(event: Event) -> str:
    """Return what an event says, as a sentence without an end."""
    word = _WORDS.get(event.kind)
    text = word(event) if word else _as_it_is(event)
    return printable(text)


def _show_message(spool: Spool, message_id: int, queue_id: str, *, as_json: bool) -> bool:
    events = list(inspect.events(spool, message_id))
    if not events:
        note(
            f"{queue_id}: the journal knows nothing of it: it was never here,"
            " or it is gone for longer than the journal reaches back"
        )
        return False
    if as_json:
        for event in events:
            print_json(event)
        return True
    _print_events(events)
    entry = inspect.find(spool, queue_id)
    if entry is None:
        print("It is not in the queue any more.")
    elif entry.next_try_at is not None:
        print(f"It is {entry.state}; the next try is at {format_time(entry.next_try_at)}.")
    else:
        print(f"It is {entry.state}" + (f": {printable(entry.reason)}." if entry.reason else "."))
    return True


def _show_address(spool: Spool, address: str, limit: int, *, as_json: bool) -> bool:
    ids = _search(inspect.search_journal(spool, address), limit)
    # A Message-ID looks like an address.
    ids = ids or _search(past.with_header_id(spool, f"<{address}>"), limit)
    if not ids:
        sought = "no message from or for it, or of that Message-ID, in the journal"
        note(f"{printable(address)}: {sought}")
        return False
    if len(ids) == 1:
        return _show_message(spool, ids[0], format_queue_id(ids[0]), as_json=as_json)
    for message_id in ids:
        events = list(inspect.events(spool, message_id))
        if as_json:
            for event in events:
                print_json(event)
        elif events:
            last = events[-1]
            print(f"{format_time(events[0].at)}  {queue_id_of(events)}  {in_words(events[0])}")
            print(f"{'':21}{format_age(last.at - events[0].at)} later: {in_words(last)}")
    if not as_json:
        note(f"({plural(len(ids), 'message')}; spoolmta trace ID tells the whole of one)")
    return True


def _search(slices: Iterable[tuple[int, list[int]]], limit: int) -> list[int]:
    progress = Progress("events looked at:")
    found: dict[int, None] = {}
    for seen, ids in slices:
        progress.advance(seen)
        found.update(dict.fromkeys(ids))
        if len(found) >= limit:
            break
    progress.end()
    return list(found)[:limit]


def queue_id_of(events: Sequence[Event]) -> str:
    """Return the queue id under which a message was accepted."""
    said = (event.detail.get("queue_id") for event in events if event.kind == "accepted")
    return str(next(said, None) or format_queue_id(events[0].message_id))


def _print_events(events: Sequence[Event]) -> None:
    start = before = events[0].at
    print(f"{queue_id_of(events)}: {plural(len(events), 'event')} since {format_time(start)}")
    for event in events:
        milliseconds = int(event.at * 1000) % 1000
        at = f"{format_time(event.at)}.{milliseconds:03}"
        deltas = f"{_delta(event.at - start):>9}  {_delta(event.at - before):>9}"
        print(f"  {at}  {deltas}  {in_words(event)}")
        before = event.at


def _delta(seconds: float) -> str:
    return f"+{seconds:.3f}s" if seconds < 100 else f"+{format_age(seconds)}"


def _accepted(event: Event) -> str:
    detail = event.detail
    client, helo = detail.get("client"), detail.get("helo")
    source = f"from [{client}]" if client else f"from {detail.get('origin', 'this machine')}"
    if helo:
        source += f" (helo {helo})"
    return (
        f"accepted {source}: {detail.get('sender') or '<>'} to {_to(detail)},"
        f" {format_size(_number(detail.get('size')))}, into {detail.get('state')}"
    )


def _to(detail: Detail) -> str:
    addresses = detail.get("recipients")
    count = int(_number(detail.get("recipient_count")))
    if not isinstance(addresses, list) or not addresses:
        return plural(count, "recipient")
    return f"{addresses[0]}" + (f" and {count - 1} more" if count > 1 else "")


def _cleaned(event: Event) -> str:
    detail = event.detail
    return (
        f"cleaned up: from {detail.get('sender') or '<>'},"
        f" {plural(int(_number(detail.get('recipient_count'))), 'recipient')},"
        f" {format_size(_number(detail.get('size')))}, into {detail.get('state')}"
    )


def _addressed(event: Event) -> str:
    addresses = event.detail.get("recipients")
    return f"to {plural(len(addresses) if isinstance(addresses, list) else 0, 'recipient')} more"


def _postponed(event: Event) -> str:
    said = f"waits until {format_time(_number(event.detail.get('retry_at')))}"
    return said + _by_rule(event.detail, ", suspended")


def _by_rule(detail: Detail, what: str) -> str:
    """Return which rule did something, if one did."""
    if "rule" not in detail:
        return ""
    because = f": {detail['because']}" if "because" in detail else ""
    by = f" of {detail['by']}" if "by" in detail else ""
    return f"{what} by rule {detail['rule']}{by}{because}"


def _ruled(event: Event) -> str:
    return str(event.detail.get("action")) + _by_rule(event.detail, ":")


def _called_back(event: Event) -> str:
    return "called back from its way, and resolved afresh" + _by_rule(event.detail, ",")


def _flushed(event: Event) -> str:
    if "rule" in event.detail:
        return f"may go on: rule {event.detail['rule']} has ended"
    return "asked to be tried at once"


def _resolved(event: Event) -> str:
    detail = event.detail
    count = int(_number(detail.get("recipients")))
    who = event.recipient or plural(count, "recipient")
    return f"{who}: goes by {detail.get('transport')} to {detail.get('nexthop') or 'this machine'}"


def _passed(event: Event) -> str:
    detail = event.detail
    nexthop = detail.get("nexthop") or "this machine"
    return f"{event.recipient}: passed on to {detail.get('transport')} for {nexthop}"


def _granted(event: Event) -> str:
    detail = event.detail
    where = detail.get("destination") or detail.get("nexthop") or "this machine"
    return f"let go to {where} by {detail.get('transport')}"


def _crashed(event: Event) -> str:
    detail = event.detail
    agent = f"{detail.get('service')}, process {detail.get('pid')}"
    where = detail.get("nexthop") or "this machine"
    return f"{event.recipient}: {agent}, died on the way to {where}: it may have the mail"


def _outcome(word: str) -> Callable[[Event], str]:
    def tell(event: Event) -> str:
        detail = event.detail
        relay = detail.get("relay")
        by = f" by {relay}" if relay and relay != "none" else ""
        return f"{event.recipient or 'a recipient'}: {word}{by}: {detail.get('reason')}" + (
            f" ({detail.get('dsn')})" if detail.get("dsn") else ""
        )

    return tell


def _plain(text: str) -> Callable[[Event], str]:
    def tell(event: Event) -> str:
        reason = event.detail.get("reason")
        return f"{text}: {reason}" if reason else text

    return tell


def _noticed(event: Event) -> str:
    detail = event.detail
    rest = ", ".join(f"{name} {value}" for name, value in detail.items() if value not in ("", None))
    return "the sender is told" + (f": {rest}" if rest else "")


def _as_it_is(event: Event) -> str:
    rest = ", ".join(f"{name}={value}" for name, value in event.detail.items())
    return " ".join(part for part in (event.kind, event.recipient, rest) if part)


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


_WORDS: Mapping[str, Callable[[Event], str]] = {
    "accepted": _accepted,
    "cleaned": _cleaned,
    "addressed": _addressed,
    "refused": _plain("not taken: it is returned to the sender"),
    "discarded": _plain("discarded: nobody gets it, and nobody is told"),
    "resolved": _resolved,
    "passed": _passed,
    "granted": _granted,
    "crashed": _crashed,
    "sent": _outcome("sent"),
    "deferred": _outcome("not yet"),
    "bounced": _outcome("refused for good"),
    "expired": _plain("its lifetime is over: what waits is returned to the sender"),
    "held": _plain("put on hold"),
    "released": _plain("released from hold"),
    "requeued": _plain("requeued by an operator"),
    "flushed": _flushed,
    "recalled": _called_back,
    "ruled": _ruled,
    "postponed": _postponed,
    "noticed": _noticed,
    "corrupted": _plain("moved to corrupt"),
    "removed": _plain("removed: every recipient has its answer"),
    "deleted": _plain("deleted by an operator"),
    "emptied": _plain("gone from the trash"),
}
