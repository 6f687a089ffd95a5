"""postsuper: delete, hold, release, requeue queued messages.

Each message gets the first of these that it was named for. The spool keeps its own order: what -p
and -s mend in Postfix's folders (left-over temporary files, misplaced queue files) cannot be
wrong here, or is mended by the keeper, so they are accepted and do nothing.

Postfix:  postsuper(1)
Limits:   no forced expiry (-e, -f); a message in an agent's hands is not requeued or released
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
from spoolmta.spool.inspect import Filter
from spoolmta.spool.queues import State

USAGE = (
    "postsuper [-c config_dir] [-d queue_id (delete)] [-h queue_id (hold)]"
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


# In the order in which a message named for several of them gets one.
VERBS: Mapping[str, Verb] = {
    "-d": Verb("removed", tuple(State), admin.delete, ("qmgr",)),
    "-h": Verb(
        "placed on hold",
        admin.HOLDABLE,
        lambda tx, ids: admin.hold(tx, ids, HOLD_REASON),
        ("qmgr",),
    ),
    "-H": Verb("released from hold", (State.HOLD,), admin.release, ("trivial_rewrite",)),
    "-r": Verb("requeued", admin.REQUEUABLE, admin.requeue, ("pickup", "qmgr")),
}
_ORDER_OF_TOTALS = ("-r", "-d", "-h", "-H")


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
    named = _named(command, options)
    states = _states(command, operands)
    access = Access(dict(options).get("-c"))
    if not named:
        return 0
    # The log is opened first: mail_owner may not be allowed to create it.
    log = MailLog.open(access.configuration, "postsuper", command=True)
    try:
        with access.spool() as spool:
            superintendent = Superintendent(command, spool, log, states)
            counts = {
                option: superintendent.work(option, named[option])
                for option in VERBS
                if option in named
            }
    except SpoolUnusable as error:
        if os.geteuid() != 0 and access.queue_directory.is_dir():
            command.warn(str(error))
            command.fatal("use of this command is reserved for the superuser")
        raise
    for option in _ORDER_OF_TOTALS:
        if option in counts:
            total = queue_change_total(log, VERBS[option].change, counts[option])
            print(f"{command.name}: {total}", file=sys.stderr)
            access.poke(*VERBS[option].wakes)
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

    def work(self, option: str, named: Named) -> int:
        """Do it; return to how many messages it was done."""
        verb = VERBS[option]
        states = tuple(state for state in self._states if state in verb.states)
        pages = self._all(states) if named.everything else self._each(named.ids, states)
        return sum(self._do(verb, page, silent=named.everything) for page in pages)

    def _all(self, states: tuple[State, ...]) -> Iterator[list[int]]:
        for _, page in inspect.search(self._spool, Filter(states=states)):
            yield page

    def _each(self, names: Iterable[str], states: tuple[State, ...]) -> Iterator[list[int]]:
        known = [number for name in names if (number := self._parse(name)) is not None]
        for start in range(0, len(known), _SLICE):
            entries = inspect.entries(self._spool, known[start : start + _SLICE])
            page = [entry.message_id for entry in entries if State(entry.state) in states]
            if page:
                yield page

    def _parse(self, name: str) -> int | None:
        if not name or not all(c.isascii() and (c.isalnum() or c == "_") for c in name):
            self._warn(f"invalid mail queue id: {name}")
        return parse_queue_id(name)

    def _do(self, verb: Verb, page: Sequence[int], *, silent: bool) -> int:
        names = {entry.message_id: entry.queue_id for entry in inspect.entries(self._spool, page)}
        with self._spool.transaction() as tx:
            done = verb.operation(tx, page)
        for message_id in done.busy:
            self._warn(f"{names[message_id]}: being delivered at this moment, not {verb.change}")
        if not silent:
            for message_id in done.done:
                queue_change(self._log, names[message_id], verb.change)
                print(f"{self._command.name}: {names[message_id]}: {verb.change}", file=sys.stderr)
        return len(done.done)

    def _warn(self, text: str) -> None:
        self._log.warning(text)
        self._command.warn(text)


def _named(command: Command, options: Iterable[tuple[str, str]]) -> dict[str, Named]:
    """Return what each option names, standard input read."""
    named: dict[str, Named] = {}
    for option, value in options:
        if option in ("-e", "-f"):
            command.fatal(f"{option}: forced expiry is not supported by this version of spoolmta")
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
