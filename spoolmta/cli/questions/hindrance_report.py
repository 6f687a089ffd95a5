"""What holds a message, gathered from spool and configuration, and printed.

Parameters: maximal_queue_lifetime, bounce_queue_lifetime, qmgr_message_active_limit,
            defer_transports; those of a transport's windows and pauses
"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from spoolmta.cli.access import Access
from spoolmta.cli.output import note, print_json, print_table, printable
from spoolmta.cli.questions.hindrance import Hindrance, Terms, hindrances
from spoolmta.cli.running import master_pid
from spoolmta.cli.units import format_age, format_time
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import circumstances, inspect
from spoolmta.spool.questions.circumstances import Circumstances, Reply
from spoolmta.spool.questions.inspect import Entry
from spoolmta.spool.surgery.selection import Selector, select

if TYPE_CHECKING:
    from spoolmta.scheduler.transport import TransportLimits

_SEVERAL = 20
_STAGES = ("pickup", "trivial-rewrite", "qmgr", "bounce")


def show(access: Access, what: str, *, as_json: bool) -> bool:
    """Print what holds a message; return False if there is no such message, or several."""
    # As root still: the lock of the master can be looked at.
    runs = master_pid(access.process_directory) is not None
    with access.spool() as spool:
        entry = _find(spool, what)
        facts = circumstances.gather(spool, entry.message_id) if entry is not None else None
        if entry is None or facts is None:
            return False
        terms = _terms(access, spool.clock.now(), entry, runs=runs)
        found = hindrances(entry, facts, terms)
    expires = _expiry(entry, facts, terms)
    if as_json:
        print_json(
            {
                "queue_id": entry.queue_id,
                "state": entry.state,
                "since": facts.entered_at,
                "hindrances": [hindrance._asdict() for hindrance in found],
                "replies": [reply._asdict() for reply in facts.replies],
                "expires_at": expires,
            }
        )
    else:
        _print(entry, facts, found, expires, terms.now)
    return True


def _find(spool: Spool, what: str) -> Entry | None:
    if "@" in what:
        return _of_recipient(spool, what.strip("<>"))
    entry = inspect.find(spool, what)
    if entry is None:
        note(
            f"{printable(what)}: not in the queue; spoolmta trace {printable(what)} tells what"
            " became of it"
        )
    return entry


def _of_recipient(spool: Spool, address: str) -> Entry | None:
    """Return the message that waits for an address, if there is just one."""
    ids = select(spool, Selector(recipient=(address,))).message_ids
    if len(ids) == 1:
        return inspect.entries(spool, ids)[0]
    if not ids:
        note(f"{printable(address)}: no message in the queue waits for it")
        return None
    note(f"{printable(address)}: several messages wait for it; ask about one of them by its id")
    for entry in inspect.entries(spool, ids[:_SEVERAL]):
        note(f"  {entry.queue_id}  {entry.state}  from {printable(entry.sender or '<>')}")
    if len(ids) > _SEVERAL:
        note("  ... and more: spoolmta queue list --recipient")
    return None


def _terms(access: Access, now: float, entry: Entry, *, runs: bool) -> Terms:
    configuration = access.configuration
    parameters = configuration.section(QueueManagerParameters)
    bounce, mail = parameters.bounce_queue_lifetime, parameters.maximal_queue_lifetime

    def limits(transport: str) -> "TransportLimits":
        from spoolmta.scheduler.limits import transport_limits

        return transport_limits(configuration, transport, lambda _: None)

    return Terms(
        now=now,
        runs=runs,
        lifetime=mail if entry.sender else min(bounce, mail),
        active_limit=parameters.qmgr_message_active_limit,
        put_off=frozenset(parameters.defer_transports.replace(",", " ").split()),
        services=_services(access) if entry.state not in ("hold", "corrupt") else {},
        limits=limits,
    )


def _services(access: Access) -> Mapping[str, frozenset[str]]:
    services = access.configuration.services
    return {
        program: frozenset(s.name for s in services if s.command == program) for program in _STAGES
    }


def _expiry(entry: Entry, facts: Circumstances, terms: Terms) -> float | None:
    """Return when the message is given up; None for what does not expire by itself."""
    return None if entry.state in ("hold", "corrupt") else facts.created_at + terms.lifetime


def _print(
    entry: Entry,
    facts: Circumstances,
    found: list[Hindrance],
    expires: float | None,
    now: float,
) -> None:
    others = f" and {entry.recipients - 1} more" if entry.recipients > 1 else ""
    who = f"from {entry.sender or '<>'} to {entry.first_recipient}{others}"
    since = f"{entry.state} for {format_age(now - facts.entered_at)}"
    print(printable(f"{entry.queue_id}: {since}, {who}, {entry.waiting} without a final answer"))
    rows = [(f"  {hindrance.kind}", hindrance.text) for hindrance in found]
    if expires is not None:
        left = expires - now
        when = f"in {format_age(left)}" if left > 0 else "with its next failure"
        end = "returned to its sender" if entry.sender else "dropped"
        rows.append(("  lifetime", f"{end} {when}, {format_time(expires)}"))
    sys.stdout.flush()
    print_table(("", ""), rows, headings=False)
    if facts.replies:
        print("\nthe last answers:")
        print_table(("", "", "", ""), [_row(r, now) for r in facts.replies], headings=False)
    commands = dict.fromkeys(command for hindrance in found for command in hindrance.do)
    if commands:
        print("\nwhat ends it, or tells more:")
        for command in commands:
            print(f"  {command}")


def _row(reply: Reply, now: float) -> tuple[str, ...]:
    by = f" by {reply.relay}" if reply.relay not in ("", "none") else ""
    ago = f"  {format_age(now - reply.at)} ago"
    return ago, reply.recipient, reply.answer + by, f"{reply.dsn} {reply.reason}".strip()
