"""What a verb is about to be done to: how much, from whom, for whom, and some of it; the question.

Must not: change anything
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from spoolmta.cli.output import note, printable
from spoolmta.cli.units import plural
from spoolmta.errors import UsageError
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.inspect import Entry
from spoolmta.spool.surgery import selection
from spoolmta.spool.surgery.selection import Count

_TOP = 3
_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """The messages that a verb is for: their number, top senders and domains, and samples."""

    verb: str
    messages: int
    senders: list[Count]
    domains: list[Count]
    samples: list[Entry]


def look(spool: Spool, verb: str, ids: Sequence[int]) -> Preview:
    """Return what there is to see of these messages."""
    return Preview(
        verb,
        len(ids),
        selection.top_senders(spool, ids, _TOP),
        selection.top_domains(spool, ids, _TOP),
        inspect.entries(spool, ids[:_SAMPLES]),
    )


def tell(preview: Preview) -> None:
    """Print it for a person."""
    note(f"{preview.verb}: {plural(preview.messages, 'message')}")
    for title, counts in (("from", preview.senders), ("for", preview.domains)):
        tops = [f"{printable(count.name) or '<>'} ({count.messages:,})" for count in counts]
        if tops:
            note(f"  mostly {title} {', '.join(tops)}")
    for entry in preview.samples:
        who = f"from {entry.sender or '<>'} to {entry.first_recipient}"
        note(f"  {entry.queue_id}  {entry.state}  {printable(who)}")
    if preview.messages > len(preview.samples):
        note(f"  ... and {preview.messages - len(preview.samples):,} more")


def agreed(verb: str, messages: int, question: str = "") -> bool:
    """Ask on the terminal; one message needs no question where there is none.

    Raises UsageError: there is nobody to ask.
    """
    if not sys.stdin.isatty():
        if messages <= 1:
            return True
        raise UsageError(
            f"{verb} of {plural(messages, 'message')} is not confirmed, and nobody is there to ask:"
            " add --yes, or look first with --dry-run"
        )
    sys.stderr.write(question or f"{verb} them? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
