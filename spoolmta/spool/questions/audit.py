"""The account of every recipient that the journal or the spool knows: what became of it.

The journal and the tables are held against each other, a slice of messages in each read, so that
mail flows on meanwhile: all of one message is read at one moment.

Must not: change anything
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from spoolmta.message.queue_id import format_queue_id
from spoolmta.spool import days
from spoolmta.spool.connection import Spool

# Accounts in the order in which they are told: ends, then the states of mail that waits.
ACCOUNTS = ("delivered", "forwarded", "bounced", "expired", "deleted", "discarded")
_EVENTS = 20_000
_LAST = (1 << 63) - 1
_VIOLATION = "!"


class Violator(NamedTuple):
    """A recipient that nobody can account for."""

    queue_id: str
    recipient: str
    problem: str


@dataclass(slots=True)
class Audit:
    """How many recipients are in each account, and those that are in none."""

    accounts: Counter[str] = field(default_factory=Counter)
    violators: list[Violator] = field(default_factory=list)

    def add(self, rows: list[tuple[str, int, str, int]]) -> int:
        """Take in a slice; return how many recipients it had."""
        for account, message_id, address, count in rows:
            if account.startswith(_VIOLATION):
                queue_id = format_queue_id(message_id)
                self.violators += [Violator(queue_id, address, account[1:])] * count
            else:
                self.accounts[account] += count
        return sum(row[3] for row in rows)


def audit(spool: Spool) -> Iterator[tuple[int, Audit]]:
    """Yield (recipients looked at, the account so far) after each slice.

    Raises SpoolUnusable: a day of the history cannot be read; the text says which.
    """
    account = Audit()
    low = 0
    while low < _LAST:
        spool.attach_history()
        high = _end_of_slice(spool, low)
        rows = spool.read("audit_slice", {"low": low, "high": high})
        if spool.attach_history():
            continue  # a day came or went meanwhile
        yield account.add(rows), account
        low = high


def _end_of_slice(spool: Spool, low: int) -> int:
    """Return the id of the last message of a slice of so many events, in whatever file they are."""
    bindings = {"after": low, "count": _EVENTS}
    ends = [row[0] for row in spool.read("audit_ids_of_events", bindings)]
    ends += [row[0] for row in spool.read("audit_ids_of_messages", bindings)]
    ends += days.ends_of_slices(spool.path.with_name(days.FOLDER), low, _EVENTS)
    return min(ends, default=_LAST)
