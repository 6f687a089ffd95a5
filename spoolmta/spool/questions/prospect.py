"""How much waits for a domain, when it is next tried, and what is known of where it goes.

Must not: change anything
"""

from collections.abc import Iterator
from typing import NamedTuple

from spoolmta.spool.connection import Spool, seconds
from spoolmta.spool.questions import circumstances
from spoolmta.spool.questions.circumstances import Site

_PAGE = 5000


class WaitingRecipient(NamedTuple):
    """A recipient that waits; *retry_at* (seconds) if deferred; *kept*: held or corrupt."""

    retry_at: float | None
    created_at: float
    kept: bool


def waiting(reader: Spool, domain: str) -> Iterator[tuple[int, list[WaitingRecipient]]]:
    """Yield (recipients looked at, those of a domain that wait), page by page."""
    after = 0
    while True:
        ((upto,),) = reader.read("end_of_recipients", {"after": after, "limit": _PAGE})
        if upto is None:
            return
        bindings = {"after": after, "upto": upto, "ending": f"@{domain}"}
        yield (
            _PAGE,
            [
                WaitingRecipient(
                    None if retry_at is None else seconds(retry_at), seconds(created_at), bool(kept)
                )
                for _, retry_at, created_at, kept in reader.read("page_of_waiting", bindings)
            ],
        )
        after = upto


def sites(reader: Spool, name: str) -> list[Site]:
    """Return what is known of the destinations of a name, whatever their transport."""
    return [
        circumstances.site(reader, transport, destination)
        for transport, destination in reader.read("known_sites", {"name": name.lower()})
    ]
