"""How the mail of a queue is spread over domains and times of arrival, page by page.

Postfix:  qshape(1)
Must not: change anything; hold one read open over a large queue
"""

from collections.abc import Iterator
from typing import NamedTuple

from spoolmta.spool.connection import Spool, numbers
from spoolmta.spool.queues import State


class Crowd(NamedTuple):
    """Addresses of one domain whose mail arrived in one second (since 1970).

    The *domain* is in lower case, "" for the null address, and all of an address that has none.
    """

    domain: str
    arrived_at: int
    number: int


def pages(reader: Spool, state: State, size: int, *, senders: bool) -> Iterator[list[Crowd]]:
    """Yield what is in *state*, *size* messages at a time: waiting recipients, or the senders."""
    statement = "senders_by_domain" if senders else "recipients_by_domain"
    after = 0
    while rows := reader.read(f"page_{state}", {"after": after, "limit": size}):
        after = rows[-1][0]
        ids = numbers([row[0] for row in rows])
        yield [Crowd(*row) for row in reader.read(statement, {"ids": ids})]
