"""Whole calls of postconf asked of Debian's Postfix and of ours, and what may differ.

Every difference that is meant stands in one of two tables, with its reason and an example. What is
said otherwise is made alike in the answers of both; what is done otherwise is kept clear of by the
cases. A test fails for an example in which the two do not differ any more.
"""

import fcntl
import os
import pickle
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from spoolmta.cli.postconf import postconf
from tests.support.oracle import Answer, ours, postfix

_SIDE_BY_SIDE = 32
_AGE = 3600
_RUN = "PYTEST_XDIST_TESTRUNUID"


class Case(NamedTuple):
    """A main.cf and a master.cf, and what postconf is asked."""

    main: str
    master: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.main[:30]}|{self.master[:20]}|{' '.join(self.arguments)}"


class Outcome(NamedTuple):
    """What a call left behind."""

    status: int
    out: str
    err: str
    main: str
    master: str


class Saying(NamedTuple):
    """A text that differs, and what both are replaced by."""

    reason: str
    pattern: str
    replacement: str
    example: Case


class Doing(NamedTuple):
    """Something that ours does otherwise."""

    reason: str
    example: Case


_SERVICE = "x unix - - n - - smtpd\n"

SAID_OTHERWISE = (
    Saying(
        "ours tells what was expected",
        r" \((expected|line) [^()]*\)",
        "",
        Case("", _SERVICE, ("-F", "x/unix/chroot=q")),
    ),
    Saying(
        "ours tells the place of a fault in master.cf as it does that of one in main.cf",
        r"(?m)^(postconf: fatal: )(file )?DIR/master\.cf(, line|: line) [0-9]+: ",
        r"\1",
        Case("", "x foo - - n - - smtpd\n", ("-M",)),
    ),
    Saying(
        "ours tells which value cannot be expanded",
        r"(?m)^(postconf: fatal: macro processing error): .*",
        r"\1",
        Case("relayhost = ${\n", _SERVICE, ("-n",)),
    ),
    Saying(
        "Postfix comes to a value that ends it sooner or later, in the order of a hash table",
        r"(?s)^.*(\npostconf: |^postconf: )(fatal: macro processing error)\n.*",
        r"\2",
        Case("".join(f"u{n} = $typo\n" for n in range(9)) + "relayhost = ${\n", "", ("-n",)),
    ),
    Saying(
        "master.cf is read before its lines are judged: a line that is left out is not told then",
        r"(?ms)^(postconf: fatal: .*)"
        r"postconf: warning: DIR/master\.cf: logical line must not start with[^\n]*\n",
        r"\1",
        Case("", "  a\nx foo - - n - - smtpd\n", ("-M",)),
    ),
    Saying(
        "the two are two processes",
        r"(?m)^((process_id = )?)[0-9]+$",
        r"\1N",
        Case("", _SERVICE, ("process_id",)),
    ),
    Saying(
        "3.11 imports XDG_RUNTIME_DIR, too",
        r"(?m)(POSTLOG_HOSTNAME) XDG_RUNTIME_DIR$",
        r"\1",
        Case("", _SERVICE, ("-h", "import_environment")),
    ),
    Saying(
        "ours opens tables of more types, and there is no NIS here",
        r"(?m)^(dbm|debug|nis|sdbm)\n",
        "",
        Case("", _SERVICE, ("-m",)),
    ),
)
"""Texts that differ; the fourth may need more than one look, as a hash table's order is chance."""

DONE_OTHERWISE = (
    Doing("-j and -q are newer than 3.7", Case("", _SERVICE, ("-j", "biff"))),
    Doing("a null byte is an error; Postfix ends the value there", Case("a=\0b\n", "", ("-n",))),
    Doing("an empty field would break master.cf", Case("", _SERVICE, ("-F", "x/unix/chroot="))),
    Doing("Postfix crashes over an empty command", Case("", _SERVICE, ("-F", "x/unix/command="))),
    Doing(
        "braces without which the first word would mean something else stay",
        Case("", "x unix - - n - - smtpd {d  e}\n", ("-M",)),
    ),
    Doing(
        "of two lines for one service each has its own options",
        Case("", f"{_SERVICE.strip()} -o biff=no\n{_SERVICE.strip()} -o biff=yes\n", ("-P",)),
    ),
    Doing(
        "new names come in the order that they are given in; Postfix has that of a hash table",
        Case("", "", tuple(f"x{number}=" for number in range(12))),
    ),
    Doing("a last line without its end is no part of a new one", Case("#a", "", ("biff=no",))),
    Doing(
        "a comment behind a service that is changed stays there; Postfix moves it before",
        Case("", f"{_SERVICE}# c\n{_SERVICE.replace('x', 'y')}", ("-F", "x/unix/chroot=y")),
    ),
)
"""What the other cases keep clear of."""


def written(folder: Path, case: Case) -> Path:
    """Write the files of *case* into the new *folder*.

    They look old: Postfix reads a file again and again that may be in the middle of a change.
    """
    folder.mkdir()
    past = time.time() - _AGE
    for name, text in (("main.cf", case.main), ("master.cf", case.master)):
        (folder / name).write_text(text)
        os.utime(folder / name, (past, past))
    return folder


def by_postfix(folder: Path, case: Case) -> Outcome:
    """Return what Debian's postconf makes of *case* in the new *folder*."""
    written(folder, case)
    return _outcome(folder, postfix("postconf", "-c", str(folder), *case.arguments))


def by_ours(folder: Path, case: Case) -> Outcome:
    """Return what our postconf makes of *case* in the new *folder*."""
    written(folder, case)
    return _outcome(folder, ours(postconf.main, "postconf", "-c", str(folder), *case.arguments))


def alike(outcome: Outcome, sayings: Iterable[Saying] = SAID_OTHERWISE) -> Outcome:
    """Return *outcome* without what may be said otherwise."""
    out, err = outcome.out, outcome.err
    for saying in sayings:
        out = re.sub(saying.pattern, saying.replacement, out)
        err = re.sub(saying.pattern, saying.replacement, err)
    return outcome._replace(out=out, err=err)


def answers_of_postfix(
    name: str, cases: Sequence[Case], factory: pytest.TempPathFactory
) -> Mapping[Case, Outcome]:
    """Return what Postfix makes of all *cases*, asked side by side: it sleeps before a fatal end.

    The test processes of one run ask once: the first to come asks, the others read its answers.
    """

    def ask() -> dict[Case, Outcome]:
        root = factory.mktemp("postfix")
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            found = pool.map(by_postfix, (root / str(n) for n in range(len(cases))), cases)
            return dict(zip(cases, found, strict=True))

    run = os.environ.get(_RUN)
    return _shared(factory.getbasetemp().parent / f"{name}.{run}", ask) if run else ask()


def _shared(path: Path, ask: Callable[[], dict[Case, Outcome]]) -> dict[Case, Outcome]:
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        content = file.read()
        if content:
            answers: dict[Case, Outcome] = pickle.loads(content)
            return answers
        answers = ask()
        file.write(pickle.dumps(answers))
        return answers


def _outcome(folder: Path, answer: Answer) -> Outcome:
    def plain(text: str) -> str:
        return text.replace(str(folder), "DIR").replace("/usr/sbin/postconf:", "postconf:")

    # Postfix warns in the order of hash tables.
    told = "".join(sorted(plain(answer.err).splitlines(keepends=True)))
    main, master = ((folder / name).read_text() for name in ("main.cf", "master.cf"))
    return Outcome(answer.status, plain(answer.out), told, main, master)
