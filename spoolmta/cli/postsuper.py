"""postsuper: delete, hold, release, expire, requeue queued messages; check the spool.

What a message is named for is done to it in the order of VERBS.

Postfix:  postsuper(1)
Limits:   a message in an agent's hands is not requeued or released
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from spoolmta.cli.access import Access
from spoolmta.cli.command_line import Command
from spoolmta.errors import SpoolUnusable
from spoolmta.maillog import MailLog, queue_change, queue_change_total
from spoolmta.message.queue_id import parse_queue_id
from spoolmta.spool import admin, inspect
from spoolmta.spool.admin import Done
from spoolmta.spool.connection import Spool, Transaction
from spoolmta.spool.state import State

USAGE = (
    "postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)]"
    " [-f queue_id (expire and/or un-hold)] [-h queue_id (hold)]"
    " [-H queue_id (un-hold)] [-p (purge temporary files)] [-r queue_id (requeue)]"
    " [-s (structure fix)] [-S (redundant structure fix)][-v (verbose)] [queue...]"
)
ALL = "ALL"
HOLD_REASON = "postsuper -h"

_LETTERS = "c:d:e:f:h:H:pr:sSv"
_SLICE = 500
_DEFAULT_STATES = (State.HOLD, State.INCOMING, State.ACTIVE, State.DEFERRED)
_NAMED_STATES = (State.MAILDROP, *_DEFAULT_STATES)
# Folders of Postfix in which there are no messages.
_LOG_FOLDERS = frozenset({"bounce", "defer", "trace", "flush"})


@dataclass(frozen=True, slots=True)
class Verb:
    """What one option does: its words in the log, its states, its operation."""

    change: str
    states: tuple[State, ...]
    operation: Callable[[Transaction, Sequence[int]], Done]
    wakes: tuple[str, ...]


_DELETE = Verb("removed", tuple(State), admin.delete, ("qmgr",))
_HOLD = Verb(
    "placed on hold",
    admin.HOLDABLE,
    lambda tx, ids: admin.hold(tx, ids, HOLD_REASON),
    ("qmgr",),
)
_RELEASE = Verb("released from hold", (State.HOLD,), admin.release, ("trivial_rewrite",))
_EXPIRE = Verb("expired", admin.EXPIRABLE, admin.expire, ())
_REQUEUE = Verb("requeued", admin.REQUEUABLE, admin.requeue, ("pickup", "qmgr"))

# In the order in which they are done to a message that is named for several of them.
VERBS: Mapping[str, tuple[Verb, ...]] = {
    "-d": (_DELETE,),
    "-h": (_HOLD,),
    "-H": (_RELEASE,),
    "-e": (_EXPIRE,),
    "-f": (_EXPIRE, _RELEASE),
    "-r": (_REQUEUE,),
}
_ORDER_OF_TOTALS = (_REQUEUE, _DELETE, _EXPIRE, _HOLD, _RELEASE)


@dataclass(slots=True)
class Named:
    """The messages that one option names."""

    ids: list[str] = field(default_factory=list)
    everything: bool = False


def main() -> NoReturn:
    """Run postsuper."""
    command = Command("postsuper")
    command.run(lambda: _postsuper(command, sys.argv[1:]))


def _postsuper(command: Command, arguments: Sequence[str]) -> int:
    options, operands = command.options(arguments, _LETTERS, USAGE)
    named = _named(options)
    states = _states(command, operands)
    access = Access(dict(options).get("-c"))
    if not named:
        return 0
    # The log is opened first: mail_owner may not be allowed to create it.
    log = MailLog.open(access.configuration, "postsuper", command=True)
    try:
        with access.spool() as spool:
            superintendent = Superintendent(command, spool, log, states)
            for option in VERBS:
                if option in named:
                    superintendent.work(option, named[option])
    except SpoolUnusable as error:
        if os.geteuid() != 0 and access.queue_directory.is_dir():
            command.warn(str(error))
            command.fatal("use of this command is reserved for the superuser")
        raise
    for verb in _ORDER_OF_TOTALS:
        if verb.change in superintendent.counts:
            total = queue_change_total(log, verb.change, superintendent.counts[verb.change])
            print(f"{command.name}: {total}", file=sys.stderr)
            access.poke(*verb.wakes)
    log.close()
    return 0


class Superintendent:
    """Does what the options say to the messages that they name, and tells of each."""

    def __init__(
        self, command: Command, spool: Spool, log: MailLog, states: tuple[State, ...]
    ) -> None:
        """*states* are the queues in which messages are looked for."""
        self._command = command
        self._spool = spool
        self._log = log
        self._states = states
        self.counts: dict[str, int] = {}

    def work(self, option: str, named: Named) -> None:
        """Do it, and count to how many messages it was done."""
        verbs = VERBS[option]
        for verb in verbs:
            self.counts.setdefault(verb.change, 0)
        states = tuple(s for s in self._states if any(s in verb.states for verb in verbs))
        pages = self._all(states) if named.everything else self._each(named.ids, states)
        for page in pages:
            self._do(verbs, page, silent=named.everything)

    def _all(self, states: tuple[State, ...]) -> Iterator[list[int]]:
        yield from inspect.pages(self._spool, states)

    def _each(self, names: Iterable[str], states: tuple[State, ...]) -> Iterator[list[int]]:
        known = [number for name in names if (number := self._parse(name)) is not None]
        for start in range(0, len(known), _SLICE):
            wanted = known[start : start + _SLICE]
            found = {
                entry.message_id
                for entry in inspect.entries(self._spool, wanted)
                if State(entry.state) in states
            }
            page = [message_id for message_id in dict.fromkeys(wanted) if message_id in found]
            if page:
                yield page

    def _parse(self, name: str) -> int | None:
        if not name or not all(c.isascii() and (c.isalnum() or c == "_") for c in name):
            self._warn(f"invalid mail queue id: {name}")
        return parse_queue_id(name)

    def _do(self, verbs: Sequence[Verb], page: Sequence[int], *, silent: bool) -> None:
        names = {entry.message_id: entry.queue_id for entry in inspect.entries(self._spool, page)}
        with self._spool.transaction() as tx:
            ends = [(verb, verb.operation(tx, page)) for verb in verbs]
        for verb, end in ends:
            self.counts[verb.change] += len(end.done)
            for message_id in end.busy:
                self._warn(
                    f"{names[message_id]}: being delivered at this moment, not {verb.change}"
                )
        if silent:
            return
        done = {(message_id, verb.change) for verb, end in ends for message_id in end.done}
        for message_id in page:
            for verb in verbs:
                if (message_id, verb.change) in done:
                    queue_change(self._log, names[message_id], verb.change)
                    print(
                        f"{self._command.name}: {names[message_id]}: {verb.change}", file=sys.stderr
                    )

    def _warn(self, text: str) -> None:
        self._log.warning(text)
        self._command.warn(text)


def _named(options: Iterable[tuple[str, str]]) -> dict[str, Named]:
    """Return what each option names, standard input read."""
    named: dict[str, Named] = {}
    for option, value in options:
        if option not in VERBS:
            continue
        found = named.setdefault(option, Named())
        if value == ALL:
            found.everything = True
        elif value == "-":
            found.ids += [line.rstrip("\n") for line in sys.stdin]
        else:
            found.ids.append(value)
    return named


def _states(command: Command, operands: Sequence[str]) -> tuple[State, ...]:
    for name in operands:
        if name not in _NAMED_STATES and name not in _LOG_FOLDERS:
            command.fatal(f"invalid directory name: {name}")
    if not operands:
        return _DEFAULT_STATES
    return tuple(State(name) for name in operands if name not in _LOG_FOLDERS)


if __name__ == "__main__":
    main()
