"""postsuper: delete, hold, release, expire, requeue queued messages; check the spool.

Options are obeyed in the order in which they are given. What -p and -s mend in Postfix's
folders cannot be wrong here, or is mended by the keeper; they check the file and that each message
is in a queue, and say nothing if all is well. What -d, -h, -H and -r do can be taken back: what is
deleted rests in the trash. It is done in slices, so that mail flows on meanwhile.

Postfix:  postsuper(1)
Limits:   a message in an agent's hands is not requeued or released
"""

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NoReturn

from spoolmta.cli import author
from spoolmta.cli.access import Access
from spoolmta.cli.command_line import Command
from spoolmta.errors import SpoolUnusable
from spoolmta.maillog import MailLog, queue_change, queue_change_total
from spoolmta.message.queue_id import is_queue_id, parse_queue_id
from spoolmta.service.crash import crash_point
from spoolmta.spool.connection import Spool, Transaction
from spoolmta.spool.questions import inspect
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin
from spoolmta.spool.surgery.admin import Done
from spoolmta.spool.surgery.operations import Author, Deed, Ongoing, Operation

USAGE = (
    "postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)]"
    " [-f queue_id (expire and/or un-hold)] [-h queue_id (hold)]"
    " [-H queue_id (un-hold)] [-p (purge temporary files)] [-r queue_id (requeue)]"
    " [-s (structure fix)] [-S (redundant structure fix)][-v (verbose)] [queue...]"
)
ALL = "ALL"
HOLD_REASON = "postsuper -h"

_LETTERS = "c:d:e:f:h:H:pr:sSv"
# So many are one transaction: all of it is done or nothing.
_SLICE = 50_000
# As many of the names that were given are kept in the record.
_KEPT_NAMES = 100
_CHECKS = frozenset(("-p", "-s", "-S"))
_DEFAULT_STATES = (State.HOLD, State.INCOMING, State.ACTIVE, State.DEFERRED)
_NAMED_STATES = (State.MAILDROP, *_DEFAULT_STATES)
# Folders of Postfix in which there are no messages.
_LOG_FOLDERS = frozenset({"bounce", "defer", "trace", "flush"})


@dataclass(frozen=True, slots=True)
class Verb:
    """What one option does: its words in the log, its states, its work, whom it wakes.

    *name* is that of the operation which can be undone; what one option does is one operation.
    """

    change: str
    name: str
    states: tuple[State, ...]
    work: Callable[[Transaction, Sequence[int], Operation], Done]
    wakes: tuple[str, ...]


_DELETE = Verb(
    "removed",
    "delete",
    tuple(State),
    lambda tx, ids, operation: admin.delete(tx, ids, operation=operation),
    ("qmgr",),
)
_HOLD = Verb(
    "placed on hold",
    "hold",
    admin.HOLDABLE,
    lambda tx, ids, operation: admin.hold(tx, ids, HOLD_REASON, operation=operation),
    ("qmgr",),
)
_RELEASE = Verb("released from hold", "release", (State.HOLD,), admin.release, ("trivial_rewrite",))
_EXPIRE = Verb("expired", "force-expire", admin.EXPIRABLE, admin.expire, ())
_REQUEUE = Verb(
    "requeued",
    "requeue",
    admin.REQUEUABLE,
    lambda tx, ids, operation: admin.requeue(tx, ids, operation=operation),
    ("pickup", "qmgr"),
)

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
    by = author.who()
    access = Access(dict(options).get("-c"))
    # The log is opened first: mail_owner may not be allowed to create it.
    log = MailLog.open(access.configuration, "postsuper", command=True)
    try:
        with access.spool() as spool:
            superintendent = Superintendent(command, spool, log, states, by)
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
        self,
        command: Command,
        spool: Spool,
        log: MailLog,
        states: tuple[State, ...],
        by: Author,
    ) -> None:
        """*states* are the queues in which messages are looked for."""
        self._by = by
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
        deed = Ongoing(self._deed(verbs[0], option, ids))
        states = tuple(s for s in self._states if any(s in verb.states for verb in verbs))
        pages = self._all(states) if ids is None else self._each(ids, states, verbs)
        for page in filter(None, pages):
            names = inspect.queue_ids(self._spool, page)
            ends = self._do(verbs, deed, page)
            self._tell(ends, names, silent=ids is None)

    def _all(self, states: tuple[State, ...]) -> Iterator[list[int]]:
        page: list[int] = []
        for found in inspect.pages(self._spool, states):
            page += found
            if len(page) >= _SLICE:
                yield page
                page = []
        yield page

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

    def _present(self, wanted: Collection[int], states: tuple[State, ...]) -> list[int]:
        located = inspect.places(self._spool, list(wanted))
        return [message_id for message_id in wanted if located.get(message_id) in states]

    def _deed(self, verb: Verb, option: str, ids: Sequence[str] | None) -> Deed:
        asked: dict[str, object] = {"all": True} if ids is None else {"ids": ids[:_KEPT_NAMES]}
        selection = {"postsuper": option, **asked, "queues": self._states}
        return Deed(verb.name, self._by, selection=selection)

    def _do(
        self, verbs: Sequence[Verb], deed: Ongoing, page: Sequence[int]
    ) -> list[tuple[Verb, Done]]:
        """Do it to a page of messages, in one transaction."""
        with self._spool.transaction() as tx:
            operation = deed.begin(tx)
            ends = [(verb, verb.work(tx, page, operation)) for verb in verbs]
            changed = {message_id for _, end in ends for message_id in end.done}
            deed.finish(tx, operation, len(changed))
            crash_point("operate.before_commit")
        crash_point("operate.after_commit")
        return ends

    def _tell(
        self, ends: Sequence[tuple[Verb, Done]], names: Mapping[int, str], *, silent: bool
    ) -> None:
        for verb, end in ends:
            self.counts[verb.change] += len(end.done)
            for message_id in end.busy:
                self._warn(
                    f"{names[message_id]}: being delivered at this moment, not {verb.change}"
                )
        if silent:
            return
        done = {(message_id, verb.change) for verb, end in ends for message_id in end.done}
        for message_id, name in names.items():
            for verb, _ in ends:
                if (message_id, verb.change) in done:
                    queue_change(self._log, name, verb.change)
                    self._command.tell(f"{name}: {verb.change}")

    def _warn(self, text: str) -> None:
        self._log.warning(text)
        self._command.warn(text)


def _named(options: Iterable[tuple[str, str]]) -> list[tuple[str, list[str] | None]]:
    """Return (option, ids) in the order in which it is to be done; None: all.

    Who is named comes first, in the order of the options; the words ALL are obeyed at the end.
    """
    named = [(option, value) for option, value in options if option in VERBS]
    everything = {option for option, value in named if value == ALL}
    some: list[tuple[str, list[str] | None]] = []
    # One option given again and again is one deed.
    for option, group in groupby((one for one in named if one[1] != ALL), lambda one: one[0]):
        some.append((option, [queue_id for _, value in group for queue_id in _ids(value)]))
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
