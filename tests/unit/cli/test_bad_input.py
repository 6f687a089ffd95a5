"""What an operator gets wrong, asked of every command: a sentence, a status, and nothing changed.

The questions come from the command lines themselves, so that a new command and a new option are
asked, too. Everything in the spool is compared before and after, and so are the files beside it.
"""

import getpass
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.spool.backup import back_up
from tests.support.command_tree import WITHOUT_SPOOL, commands
from tests.support.oracle import Answer, ours
from tests.support.sample_spool import SampleSpool

COMMANDS = commands()
NOBODY = 65534

# A command line of each that nothing is wrong with; {} is a message on hold, {backup} a backup.
WORDS: dict[str, tuple[str, ...]] = {
    "audit": (),
    "backup": ("{folder}/new.db",),
    "eta": ("slow.example",),
    "events": (),
    "in-doubt": (),
    "incident": ("--sender", "a@news.example"),
    "queue bounce": ("{}",),
    "queue count": (),
    "queue delete": ("{}",),
    "queue expire": ("{}",),
    "queue flush": (),
    "queue hold": ("--domain", "slow.example"),
    "queue list": (),
    "queue prioritise": ("{}",),
    "queue recipient add": ("{}", "--address", "x@y.example"),
    "queue recipient drop": ("{}", "--address", "f@y.example"),
    "queue recipient replace": ("{}", "--address", "f@y.example", "--to", "z@y.example"),
    "queue release": ("{}",),
    "queue requeue": ("{}",),
    "queue reroute": ("{}", "--to", "smtp:[relay.example]"),
    "queue sender": ("{}", "--to", "x@y.example"),
    "queue shape": (),
    "queue show": ("{}",),
    "reasons": (),
    "restore": ("{backup}", "--force"),
    "rule add": ("hold", "--sender", "*@bad.example", "--because", "so"),
    "rule list": (),
    "rule remove": ("9", "--because", "so"),
    "rule show": ("9",),
    "scheduler explain": (),
    "sql": ("SELECT 1",),
    "status": (),
    "top": ("--once",),
    "trace": ("{}",),
    "undo": ("list",),
    "why": ("{}",),
}
# Those of them that have nothing to do here: their status is 1, and so it is without a mistake.
IDLE = {"rule remove", "rule show", "status"}
# What is wanted beside the messages.
NEEDED = {name: words[1:] for name, words in WORDS.items() if words[:1] == ("{}",)}

ENDLESS = (
    "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)"
)
WRITES = (
    "message_id IN (DELETE FROM message RETURNING message_id)",
    "message_id IN (WITH gone AS (DELETE FROM message RETURNING message_id) SELECT * FROM gone)",
    "1); DELETE FROM message; SELECT (1",
    "1); ATTACH 'other.db' AS other; SELECT (1",
    "1); PRAGMA user_version = 9; SELECT (1",
    "(SELECT user_version FROM pragma_user_version)",
    "load_extension('x')",
    "fts3_tokenizer('a', 'b')",
    "writefile('x', 'y')",
)
NO_CONDITIONS = ("size >", "sise > 1", "nosuch(1)", "size > ?", "'unclosed", "1; SELECT 2")
STATEMENTS = (
    "DELETE FROM message",
    "WITH gone AS (SELECT 1) DELETE FROM message",
    "INSERT INTO flush (requested_at) VALUES (1) RETURNING flush_id",
    "SELECT 1; DELETE FROM message",
    "ATTACH 'other.db' AS other",
    "PRAGMA user_version = 9",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "VACUUM INTO 'copy.db'",
    "CREATE TEMP TABLE t (a)",
    "SELECT load_extension('x')",
    "SELEC 1",
    "SELECT nosuch FROM v1_queue",
    "SELECT ?",
)
# The selector is the same on every command: on these it is asked everything.
THOROUGH = {"queue delete", "queue list"}
TIMES = {"--since", "--as-of", "--until"}
AGES = {"--older-than", "--for", "--pause"}
TEXTS = ("--sender", "--recipient", "--domain", "--nexthop", "--reason", "--client", "--sasl-user")


@dataclass
class Desk:
    """A spool with mail in every state, and somebody who gives commands."""

    folder: Path
    sample: SampleSpool = field(init=False)

    def __post_init__(self) -> None:
        """Fill the spool, and make a backup of it."""
        self.folder.chmod(0o755)
        self.sample = SampleSpool(self.folder / "site", getpass.getuser())
        with (self.sample.configuration / "master.cf").open("a") as master:
            master.write("smtp unix - - n - - smtp\n")
        self.sample.close()
        back_up(self.sample.path, self.folder / "backup.db")

    def say(self, name: str, *words: str, stdin: str = "", uid: int = 0) -> Answer:
        """Give a command; return what it says."""
        if uid or name == "events":  # which takes signals over
            return ours(lambda: _be(uid), "spoolmta", *self._command(name, words), stdin=stdin)
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        before = sys.argv, sys.stdin
        sys.argv, sys.stdin = ["spoolmta", *self._command(name, words)], io.StringIO(stdin)
        status = 0
        try:
            with redirect_stdout(out), redirect_stderr(err):
                main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 0
        finally:
            sys.argv, sys.stdin = before
        return Answer(status, *(_text(stream) for stream in (out, err)))

    def _command(self, name: str, words: tuple[str, ...]) -> list[str]:
        known = {"backup": str(self.folder / "backup.db"), "folder": str(self.folder)}
        hold = self.sample.ids["hold"]
        filled = [word.format(hold, **known) if word in FORMATTED else word for word in words]
        return ["-c", str(self.sample.configuration), *name.split(), *filled]

    def everything(self) -> dict[str, object]:
        """Return all rows of all tables, and the names of all files."""
        connection = apsw.Connection(str(self.sample.path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            found: dict[str, object] = {
                name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))
                for (name,) in tables.fetchall()
            }
        finally:
            connection.close()
        paths = {str(path) for path in self.folder.rglob("*")}
        # Of SQLite, and the lock that a master holds.
        passing = ("-wal", "-shm", "/master.pid")
        found["files"] = {path for path in paths if not path.endswith(passing)}
        return found


def _be(uid: int) -> None:
    if uid:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    main()


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


FORMATTED = {word for words in WORDS.values() for word in words if "{" in word}


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="desk-") as folder:
        yield Desk(Path(folder))


@dataclass(frozen=True)
class Mistake:
    """A wrong command line, its status, and some of what is said."""

    words: tuple[str, ...]
    status: int
    said: str
    stdin: str = ""


def options(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts}


def takes_messages(name: str) -> bool:
    return "ids" in {parameter.name for parameter in COMMANDS[name].params}


def changes(name: str) -> bool:
    return "--yes" in options(name)


def mistakes(name: str) -> Iterator[Mistake]:
    """Yield what can be wrong with a command line of a command."""
    words = NEEDED.get(name, WORDS[name])
    yes = ("--yes",) if changes(name) else ()
    if takes_messages(name):
        words = () if name == "queue hold" else words
        yield from (_with(one, (*words, *yes)) for one in _wrong_messages(name))
    for option in options(name) & {"--where"}:
        for text in (*WRITES, *NO_CONDITIONS, " ") if name in THOROUGH else (WRITES[0], " "):
            yield Mistake((*words, option, text, *yes), 2, "--where: ")
    for option in options(name) & (TIMES | AGES):
        text = "-1" if option in TIMES else "long"
        yield Mistake((*words, option, text, *yes), 2, "")
        yield Mistake((*words, option, "", *yes), 2, f"{option}: an empty argument")
        yield Mistake((*words, f"{option}=", *yes), 2, f"{option}: an empty argument")
    for option in options(name) & {"--limit", "--places", "--seconds", "--after"}:
        for number in ("many", "-1"):
            yield Mistake((*words, option, number), 2, "Invalid value")
        if option != "--seconds":
            yield Mistake((*words, option, "9" * 30), 2, "Invalid value")
    yield Mistake((*words, "--no-such-option"), 2, "No such option")
    yield Mistake((*words, "x" * 300, "y", "z", "--no-such-option"), 2, "")
    yield from OF_ITS_OWN.get(name, ())


def _with(mistake: Mistake, words: tuple[str, ...]) -> Mistake:
    return Mistake((*mistake.words, *words), mistake.status, mistake.said, mistake.stdin)


def _wrong_messages(name: str) -> Iterator[Mistake]:
    yield Mistake(("NOSUCH",), 1, "NOSUCH: not in the queue")
    yield Mistake(("F" * 40,), 1, "not in the queue")
    yield Mistake(("-",), 1, "NOSUCH: not in the queue", "NOSUCH*  1234 Mon\n")
    yield Mistake(("",), 2, "an empty argument")
    yield Mistake(("ALL", "--sender", "x@y.example"), 2, "not two of these")
    yield Mistake(("{}", "--all"), 2, "not two of these")
    yield Mistake(("-", "--state", "hold"), 2, "not two of these")
    yield Mistake(("--state", "lost"), 2, "lost: there is no such state; the states are maildrop")
    for option in TEXTS if name in THOROUGH else TEXTS[:1]:
        yield Mistake((option, " "), 2, f"{option}: an empty text means no message")
        yield Mistake((option, ""), 2, f"{option}: an empty argument means nothing")
    if changes(name) and name != "queue flush":
        yield Mistake((), 2, "which messages? Give IDs, filters or ALL")


OF_ITS_OWN: dict[str, tuple[Mistake, ...]] = {
    "backup": (
        Mistake(("{backup}",), 2, "is there already; a backup never replaces a file"),
        Mistake(("/no/such/folder/new.db",), 1, "no backup was made"),
    ),
    "eta": (Mistake(("nosuch.example",), 1, "nothing in the queue waits for it"),),
    "incident": (
        Mistake((), 2, "whose mail? Give --sasl-user, --client or --sender"),
        Mistake(("--sasl-user", ""), 2, "--sasl-user: an empty argument means nothing"),
        Mistake(("--sender", "nobody@nosuch.example"), 1, "no mail of it"),
    ),
    "queue reroute": (
        Mistake(("{}", "--to", "nosuch:there"), 2, "the transports of master.cf are smtp"),
    ),
    "queue sender": (Mistake(("{}", "--to", "x y"), 2, "an address is needed"),),
    "queue show": (Mistake(("NOSUCH",), 1, "not in the queue"),),
    "queue recipient add": (Mistake(("{}", "--address", "x"), 2, "an address is needed"),),
    "queue recipient replace": (
        Mistake(("{}", "--address", "f@y.example", "--to", "x"), 2, "an address is needed"),
    ),
    "restore": (
        Mistake(("/no/such/backup.db",), 1, "there is no such file"),
        Mistake(("{backup}", "--force", "--without-delivered"), 2, "not both"),
    ),
    "rule add": (
        Mistake(("burn", "--sender", "x", "--because", "so"), 2, "there is no such action"),
        Mistake(("hold", "--because", "so"), 2, "whose mail?"),
        Mistake(("hold", "--sender", "x"), 2, "is needed: say why"),
        Mistake(("reroute", "--sender", "x", "--because", "so"), 2, "where to?"),
        Mistake(("slow-down", "--sender", "x", "--because", "so"), 2, "how slow?"),
        Mistake(("hold", "--sender", "x", "--because", "so", "--state", "hold"), 2, "yet to come"),
    ),
    "rule remove": (
        Mistake(("9", "--because", "so"), 1, "there is no such rule; spoolmta rule list --all"),
        Mistake(("x", "--because", "so"), 2, "a rule is named by its number"),
        Mistake(("9" * 30, "--because", "so"), 2, "a rule is named by its number"),
        Mistake(("9",), 2, "is needed: say why"),
    ),
    "rule show": (
        Mistake(("9",), 1, "there is no such rule"),
        Mistake(("x",), 2, "a rule is named by its number"),
    ),
    "scheduler explain": (Mistake(("nosuch",), 1, "master.cf has no such transport"),),
    "sql": (
        *(Mistake((text,), 2, "") for text in STATEMENTS),
        Mistake((f"SELECT {ENDLESS}", "--seconds", "0.2"), 2, "stopped after 0.2 s: narrow"),
        Mistake(("SELECT zeroblob(2000000000)",), 2, "too big"),
        Mistake(("SELECT 1", "--seconds", "3600"), 2, "ask a copy"),
        Mistake((), 2, "nothing is asked"),
    ),
    "trace": (
        Mistake(("NOSUCH",), 1, "neither a queue id"),
        Mistake(("nobody@nosuch.example",), 1, "no message from or for it"),
    ),
    "undo": (
        Mistake(("9",), 2, "9: there is no such operation; spoolmta undo list"),
        Mistake(("x",), 2, "undo takes a number"),
        Mistake(("9" * 30,), 2, "undo takes a number"),
        Mistake(("--yes",), 2, "nothing was done; spoolmta undo list"),
    ),
    "why": (
        Mistake(("NOSUCH",), 1, "not in the queue"),
        Mistake(("nobody@nosuch.example",), 1, "nobody@nosuch.example"),
    ),
}


def test_every_command_is_asked_here() -> None:
    assert set(WORDS) == set(COMMANDS) - WITHOUT_SPOOL


@pytest.mark.parametrize("name", WORDS)
def test_a_mistake_is_told_in_a_sentence_and_changes_nothing(desk: Desk, name: str) -> None:
    before = desk.everything()
    for mistake in mistakes(name):
        told = desk.say(name, *mistake.words, stdin=mistake.stdin)
        assert told.status == mistake.status, (mistake, told)
        assert mistake.said in told.err, (mistake, told)
        assert told.err.strip(), mistake
        assert "Traceback" not in told.err, (mistake, told)
        if mistake.status == 1 or name in THOROUGH:
            assert desk.everything() == before, (mistake, told)
    assert desk.everything() == before


@pytest.mark.parametrize("name", [name for name in WORDS if takes_messages(name)])
def test_no_id_on_standard_input_means_no_message(desk: Desk, name: str) -> None:
    before = desk.everything()
    needed = NEEDED.get(name, ())
    told = desk.say(name, "-", *needed, *(["--yes"] if changes(name) else []), "--json")
    assert told.status == 0, told
    assert desk.everything() == before
    assert not any(queue_id in told.out for queue_id in desk.sample.ids.values())


def broken(desk: Desk, how: str) -> tuple[Path, bytes]:
    """Break the spool; return its path and what it consisted of."""
    path = desk.sample.path
    for file in path.parent.glob("spool.db-*"):
        file.unlink()  # nobody has it open, so that all is in the one file
    whole = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "another version":
        connection = apsw.Connection(str(path))
        connection.pragma("user_version", 4)
        connection.close()
    else:
        path.write_bytes({"garbage": b"x" * 20_000, "cut": whole[:8192]}[how])
    return path, whole


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "the first start of the mail system creates it"),
        ("garbage", "keep all spool.db* files, and recover from a copy (spoolmta restore)"),
        ("cut", "keep all spool.db* files, and recover from a copy (spoolmta restore)"),
        ("another version", "has schema version 4"),
    ],
)
def test_a_spool_that_cannot_be_used_is_told_with_what_to_do(
    desk: Desk, how: str, said: str
) -> None:
    path, whole = broken(desk, how)
    left = path.read_bytes() if path.exists() else b""
    try:
        for name, words in WORDS.items():
            if (name, how) in {("restore", "missing"), ("backup", "cut")}:
                continue
            told = desk.say(name, *words)
            assert told.status in (1, 69), (name, told)
            wanted = "nothing was changed: " if name == "restore" else said
            assert wanted in (told.err + told.out if name == "status" else told.err), (name, told)
            assert (path.read_bytes() if path.exists() else b"") == left, name
    finally:
        for file in path.parent.glob("spool.db-*"):
            file.unlink()
        path.write_bytes(whole)


@pytest.mark.root
def test_who_may_not_read_the_spool_is_told_who_may(desk: Desk) -> None:
    before = desk.everything()
    for name, words in WORDS.items():
        told = desk.say(name, *words, uid=NOBODY)
        assert told.status in (1, 2, 69), (name, told)
        said = "is not readable" if name == "restore" else "as root"
        assert said in (told.err + told.out if name == "status" else told.err), (name, told)
        assert desk.everything() == before, name


@pytest.mark.parametrize("part", [0, 100, 5_000, -1])
def test_a_backup_that_is_cut_short_changes_nothing(desk: Desk, part: int) -> None:
    before = desk.everything()
    short = desk.folder / "short.db"
    short.write_bytes((desk.folder / "backup.db").read_bytes()[:part])
    told = desk.say("restore", str(short), "--force")
    short.unlink()
    assert (told.status, told.out) == (1, "")
    assert "spoolmta: nothing was changed: " in told.err
    assert desk.everything() == before


@pytest.fixture
def full() -> Iterator[Desk]:
    """A spool on a disk that is full."""
    with tempfile.TemporaryDirectory(prefix="full-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
        try:
            desk = Desk(Path(folder))
            for size in (4096, 1):
                with (desk.folder / f"ballast{size}").open("wb", buffering=0) as ballast:
                    _fill(ballast.fileno(), size)
            yield desk
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def _fill(descriptor: int, size: int) -> None:
    try:
        while True:
            os.write(descriptor, b"x" * size)
    except OSError:
        return


@pytest.mark.root
def test_a_full_disk_is_told_and_nothing_is_done_by_halves(full: Desk) -> None:
    for name, words in WORDS.items():
        before = full.everything()
        if (changes(name) and name != "undo") or name in ("backup", "restore", "incident"):
            told = full.say(name, *words, *(["--yes"] if changes(name) else []))
            assert told.status in (1, 69, 75), (name, told)
            assert "Traceback" not in told.err, (name, told)
            assert "space" in told.err or "disk" in told.err, (name, told)
            # A flush goes in slices; the keeper goes on with it when there is room.
            assert full.everything() == before or name == "queue flush", name


def test_a_question_returns_no_more_rows_than_were_asked_for(desk: Desk) -> None:
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    told = desk.say("sql", numbers, "--limit", "5", "--csv")
    assert (told.status, told.out) == (0, "i\n1\n2\n3\n4\n5\n")
    assert "--limit N shows more" in told.err


def test_a_command_without_a_mistake_is_done(desk: Desk) -> None:
    for name in ("queue list", "queue show", "trace", "why", "undo", "sql", "audit", "eta"):
        assert desk.say(name, *WORDS[name]).status == 0, name
