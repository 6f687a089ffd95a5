"""The journal printed as it grows. It ends in order: after a whole line, flushed, with status 0.

SIGTERM, SIGINT and a reader that goes away (SIGPIPE) are such ends. A spool that was replaced
meanwhile (a restore) is opened anew: its numbers go on from those of the old one.
"""

import os
import signal
import sys
import threading
from types import FrameType

import msgspec

from spoolmta.cli.access import Access
from spoolmta.cli.output import note, print_json
from spoolmta.cli.units import parse_moment
from spoolmta.spool import journal
from spoolmta.spool.connection import Spool

_LOOK_SECONDS = 0.5


def run(access: Access, *, after: int | None, since: str | None, follow: bool) -> None:
    """Print the events that are meant.

    Raises UsageError: *since* is no time.
    """
    stopped = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    stream = _Stream(access, stopped, follow=follow)
    try:
        stream.run(after, since)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is buffered has nowhere to go; the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Stream:
    """Prints events until it is stopped or, unless it follows, until there are no more."""

    def __init__(self, access: Access, stopped: threading.Event, *, follow: bool) -> None:
        self._access = access
        self._stopped = stopped
        self._follow = follow
        self._after = 0
        self._since = 0.0

    def run(self, after: int | None, since: str | None) -> None:
        """Print what came after a cursor and a time."""
        with self._access.spool() as spool:
            self._begin(spool, after, since)
            self._print(spool, _identity(spool))
        while self._follow and not self._stopped.is_set():
            with self._access.spool() as spool:
                self._print(spool, _identity(spool))

    def _begin(self, spool: Spool, after: int | None, since: str | None) -> None:
        if since is not None:
            self._since = parse_moment(since, spool.clock.now())
        if after is not None:
            self._after = after
            if after + 1 < (first := journal.first_number(spool)):
                note(f"(what came before cursor {first} is forgotten: history_lifetime)")
        elif self._follow and since is None:
            self._after = journal.last_number(spool)

    def _print(self, spool: Spool, identity: int) -> None:
        """Print until there is an end, or the spool is another one than that of *identity*."""
        while not self._stopped.is_set():
            told, self._after = journal.page(spool, self._after, self._since)
            for event in told:
                print_json(_line(event))
            if told:
                continue
            sys.stdout.flush()
            if not self._follow or _identity(spool) != identity:
                return
            self._stopped.wait(_LOOK_SECONDS)


def _identity(spool: Spool) -> int:
    try:
        return spool.path.stat().st_ino
    except FileNotFoundError:
        return 0


def _line(event: journal.Told) -> dict[str, object]:
    return {
        "cursor": event.event_id,
        "at": event.at,
        "queue_id": event.queue_id,
        "message_id": event.message_id,
        "kind": event.kind,
        "recipient": event.recipient,
        "detail": msgspec.Raw(event.detail.encode("utf-8", "surrogatepass")),
    }
