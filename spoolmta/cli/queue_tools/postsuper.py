"""postsuper: delete, hold, release, expire, requeue queued messages; check the spool.

Options are obeyed in the order in which they are given. What -p and -s mend in Postfix's
folders cannot be wrong here, or is mended by the keeper; they check the file and that each message
is in a queue, and say nothing if all is well.

Postfix:  postsuper(1)
Limits:   a message in an agent's hands is not requeued or released
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from spoolmta.cli.access import Access
from spoolmta.cli.command_line import Command
from spoolmta.errors import SpoolUnusable
from spoolmta.maillog import MailLog, queue_change, queue_change_total
from spoolmta.message.queue_id import is_queue_id, parse_queue_id
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
_CHECKS = frozenset(("-p", "-s", "-S"))
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

# In the order in which they are done to all messages.
VERBS: Mapping[str, tuple[Verb, ...]] = {
    "-d": (_DELETE,),
    "-h": (_HOLD,),
    "-H": (_RELEASE,),
    "-e": (_EXPIRE,),
    "-f": (_EXPIRE, _RELEASE),
    "-r": (_REQUEUE,),
}
_ORDER_OF_TOTALS = (_REQUEUE, _DELETE, _EXPIRE, _HOLD, _RELEASE)


def main() -> NoReturn:
    """Run postsuper."""
    command = Command("postsuper")
    command.run(lambda: _postsuper(command, sys.argv[1:]))


def _postsuper(command: Command, arguments: Sequence[str]) -> int:
    options, operands = command.options(arguments, _LETTERS, USAGE)
    named = _named(options)
    states = _states(command, operands)
    access = Access(dict(options).get("-c"))
    # The log is opened first: mail_owner may not be allowed to create it.
    log = MailLog.open(access.configuration, "postsuper", command=True)
    try:
        with access.spool() as spool:
            superintendent = Superintendent(command, spool, log, states)
            if not named or not _CHECKS.isdisjoint(dict(options)):
                superintendent.check()
            for option, ids in named:
                superintendent.work(option, ids)
    except SpoolUnusable:
        if os.geteuid() != 0 and access.queue_directory.is_dir():
            command.fatal("use of this command is reserved for the superuser")
        raise
    for verb in _ORDER_OF_TOTALS:
        if verb.change in superintendent.counts:
            total = queue_change_total(log, verb.change, superintendent.counts[verb.change])
            command.tell(total)
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

    def check(self) -> None:
        """Tell what is wrong with the spool, and end if there is anything."""
        faults = inspect.faults(self._spool)
        for fault in faults:
            self._warn(fault)
        if faults:
            self._log.fatal("the spool is not sound")
            self._log.close()
            self._command.fatal("the spool is not sound: keep a copy of it, and mend it offline")

    def work(self, option: str, ids: Sequence[str] | None) -> None:
        """Do it to messages by their queue ids, or to all; count to how many it was done."""
        verbs = VERBS[option]
        for verb in verbs:
            self.counts.setdefault(verb.change, 0)
        states = tuple(s for s in self._states if any(s in verb.states for verb in verbs))
        pages = self._all(states) if ids is None else self._each(ids, states, verbs)
        for page in filter(None, pages):
            self._do(verbs, page, silent=ids is None)

    def _all(self, states: tuple[State, ...]) -> Iterator[list[int]]:
        yield from inspect.pages(self._spool, states)

    def _each(
        self, names: Iterable[str], states: tuple[State, ...], verbs: Sequence[Verb]
    ) -> Iterator[list[int]]:
        """Yield pages of the messages that are in *states*, in the order of their names."""
        wanted: dict[int, None] = {}
        for name in names:
            number = parse_queue_id(name)
            if number is not None:
                wanted[number] = None
            if len(wanted) == _SLICE or not is_queue_id(name):
                yield self._present(wanted, states)
                wanted.clear()
                for _ in [] if is_queue_id(name) else verbs:
                    self._warn(f"invalid mail queue id: {name}")
        yield self._present(wanted, states)

    def _present(self, wanted: Iterable[int], states: tuple[State, ...]) -> list[int]:
        numbers = list(wanted)
        found = {
            entry.message_id
            for entry in inspect.entries(self._spool, numbers)
            if State(entry.state) in states
        }
        return [message_id for message_id in numbers if message_id in found]

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
                    self._command.tell(f"{names[message_id]}: {verb.change}")

    def _warn(self, text: str) -> None:
        self._log.warning(text)
        self._command.warn(text)


def _named(options: Iterable[tuple[str, str]]) -> list[tuple[str, list[str] | None]]:
    """Return (option, ids) in the order in which it is to be done; None: all.

    Who is named comes first, in the order of the options; the words ALL are obeyed at the end.
    """
    named = [(option, value) for option, value in options if option in VERBS]
    everything = {option for option, value in named if value == ALL}
    some = [(option, _ids(value)) for option, value in named if value != ALL]
    return [*some, *((option, None) for option in VERBS if option in everything)]


def _ids(value: str) -> list[str]:
    return [line.rstrip("\n") for line in sys.stdin] if value == "-" else [value]


def _states(command: Command, operands: Sequence[str]) -> tuple[State, ...]:
    for name in operands:
        if name not in _NAMED_STATES and name not in _LOG_FOLDERS:
            command.fatal(f"invalid directory name: {name}")
    if not operands:
        return _DEFAULT_STATES
    return tuple(State(name) for name in operands if name not in _LOG_FOLDERS)


if __name__ == "__main__":
    main()
