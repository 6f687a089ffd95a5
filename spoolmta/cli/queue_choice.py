"""Which messages a command means: by id, by filters, or all of them.

Must not: import what is heavy; the command line is built from it
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filters:
    """The filter options as the command line gives them; None where one was not given."""

    state: list[str] | None = None
    sender: str | None = None
    recipient: str | None = None
    domain: str | None = None
    nexthop: str | None = None
    reason: str | None = None
    older_than: str | None = None

    @property
    def given(self) -> bool:
        """True if any filter was given."""
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Choice:
    """The messages that are meant: *ids* one by one, or *everything*, or what *filters* fit."""

    ids: tuple[str, ...] = ()
    everything: bool = False
    filters: Filters = Filters()

    @property
    def is_bulk(self) -> bool:
        """True if the messages are not named one by one."""
        return self.everything or self.filters.given
