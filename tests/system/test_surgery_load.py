"""Every verb of the operator's on a system under load, killed with -9: all of it or nothing.

Mail flows in and out meanwhile. The operation and its changes, the rows that they speak of and the
journal must agree after each kill, the audit must account for everybody, and what was promised to
clients must be delivered in the end.

A flush of much goes in slices: it may be done in part, and then goes on or can be asked for again.
A backup is there whole or not at all; of a spool that is restored, the old one or the new.
"""

import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from spoolmta.cli.queue_tools import postqueue, postsuper
from spoolmta.cli.verbs import app
from spoolmta.clock import SystemClock
from spoolmta.errors import SpoolUnusable
from spoolmta.spool.backup import verify
from spoolmta.spool.connection import FILE_NAME, Spool
from tests.support.killed_commands import POOL, SIGKILLED, Clients, Surgery
from tests.support.ledger import PROMISED, Ledger, read_tokens
from tests.support.mail_system import MailSystem, wait_for
from tests.support.nemesis import describe
from tests.support.receiver import Receiver
from tools.bench.backlog import Backlog

# Mail for flushes, which is let go when it is flushed; half of it is for one site.
BACKLOG = Backlog(1_200, destinations=2)
SITE = BACKLOG.domain(0)
SLICE = 500
PUT_OFF = {
    "transport_maps": "inline:{{pool.example = smtp:[127.0.0.1]:1}, {.slow.example = discard:} }",
    "fast_flush_domains": SITE,
    "minimal_backoff_time": "10s",
    "maximal_backoff_time": "20s",
}
COMMIT = ("operate.before_commit", "operate.after_commit")

# By the name of its pool: the verb in the record, the program and its words ({} is the sender), and
# where the rows of what was done are.
HELD = "SELECT count(*) FROM hold JOIN change USING (message_id) WHERE change.operation_id = ?"
TRASHED = HELD.replace("hold", "trash")
RELEASED = (
    "SELECT count(*) FROM change WHERE operation_id = ?"
    " AND message_id NOT IN (SELECT message_id FROM hold)"
)
EXPIRED = (
    "SELECT count(*) FROM change WHERE operation_id = ?"
    " AND (message_id IN (SELECT message_id FROM forced_expiry)"
    " OR message_id NOT IN (SELECT message_id FROM message))"
)
QUEUE = ("spoolmta", "queue")
BY_SENDER = ("--sender", "{}", "--yes")
VERBS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "hold": ("hold", (*QUEUE, "hold", *BY_SENDER), HELD),
    "release": ("release", (*QUEUE, "release", *BY_SENDER), RELEASED),
    "delete": ("delete", (*QUEUE, "delete", *BY_SENDER), TRASHED),
    "requeue": ("requeue", (*QUEUE, "requeue", *BY_SENDER), ""),
    "bounce": ("bounce", (*QUEUE, "bounce", *BY_SENDER), ""),
    "expire": ("expire", (*QUEUE, "expire", *BY_SENDER), ""),
    "reroute": (
        "reroute",
        (*QUEUE, "reroute", "--to", "retry:4.3.0 elsewhere", *BY_SENDER),
        HELD.replace("count(*)", "count(DISTINCT message_id)").replace("hold", "reroute"),
    ),
    "prioritise": (
        "prioritise",
        (*QUEUE, "prioritise", *BY_SENDER),
        HELD.replace("hold", "priority"),
    ),
    "sender": (
        "sender",
        (*QUEUE, "sender", "--to", "other@back.example", *BY_SENDER),
        HELD.replace("hold", "message") + " AND sender = 'other@back.example'",
    ),
    "add": (
        "add-recipient",
        (*QUEUE, "recipient", "add", "--address", "d@pool.example", *BY_SENDER),
        HELD.replace("hold", "recipient") + " AND address = 'd@pool.example'",
    ),
    "drop": (
        "drop-recipient",
        (*QUEUE, "recipient", "drop", "--address", "b@pool.example", *BY_SENDER),
        HELD.replace("hold", "recipient") + " AND address = 'c@pool.example'",
    ),
    "replace": (
        "replace-recipient",
        (*QUEUE, "recipient", "replace", "--address", "b@*", "--to", "e@pool.example", *BY_SENDER),
        HELD.replace("hold", "recipient") + " AND address = 'e@pool.example'",
    ),
    "incident": ("hold", ("spoolmta", "incident", "--sender", "{}"), HELD),
    "postsuper-d": ("delete", ("postsuper", "-d", "-"), TRASHED),
    "postsuper-h": ("hold", ("postsuper", "-h", "-"), HELD),
    "postsuper-un-hold": ("release", ("postsuper", "-H", "-"), RELEASED),
    "postsuper-e": ("force-expire", ("postsuper", "-e", "-"), EXPIRED),
    "postsuper-f": ("force-expire", ("postsuper", "-f", "-"), RELEASED),
    "postsuper-r": ("requeue", ("postsuper", "-r", "-"), ""),
}
# What these leave may all have gone on before it is undone: picked up, returned, tried again.
FLEETING = {
    "requeue", "postsuper-r", "bounce", "expire", "postsuper-e", "postsuper-f", "add", "drop",
    "replace",
}  # fmt: skip
HELD_POOLS = ("release", "postsuper-un-hold", "postsuper-f")

SO = ("--because", "so", "--yes")
RULES = {f"rule-{action}": ("spoolmta", "rule", "add", action, "--sender", "{}", *SO)
         for action in ("hold", "suspend")}  # fmt: skip
END = ("spoolmta", "rule", "remove")

FLUSH_CHOSEN = (*QUEUE, "flush", "--sender", BACKLOG.sender(3), "--yes")
FLUSH_ONE = ("postqueue", "-i")
FLUSH_SITE = ("postqueue", "-s", SITE)
FLUSHES = ((*QUEUE, "flush"), ("postqueue", "-f"))
UNDO = ("spoolmta", "undo")
BACKUP = ("spoolmta", "backup")
RESTORE = ("spoolmta", "restore")
KILLED = (
    *(words for _, words, _ in VERBS.values()), *RULES.values(), END, FLUSH_CHOSEN,
    FLUSH_ONE, FLUSH_SITE, *FLUSHES, UNDO, BACKUP, RESTORE,
)  # fmt: skip

# What only looks, and what runs the mail system (tests/system/test_crash_ledger.py).
LOOKING = {
    "audit", "check", "eta", "events", "explain", "in-doubt", "queue count", "queue list",
    "queue shape", "queue show", "reasons", "rule list", "rule show", "scheduler explain", "sql",
    "status", "top", "trace", "version", "why",
}  # fmt: skip
RUNNING = {"serve", "sink"}


def names_of(command: Any, name: str = "") -> Iterator[str]:
    """Yield the names of all commands below a command of the native command."""
    if not hasattr(command, "commands"):
        yield name
        return
    for word, below in command.commands.items():
        yield from names_of(below, f"{name} {word}".strip())


def test_every_command_that_changes_something_is_among_those_that_are_killed() -> None:
    ours = set(names_of(get_command(app)))
    told = [" ".join(words[1:]) + " " for words in KILLED if words[0] == "spoolmta"]
    killed = {name for name in ours if any(line.startswith(f"{name} ") for line in told)}
    assert killed == ours - LOOKING - RUNNING
    assert ours >= LOOKING
    by_option = {words[1] for words in KILLED if words[0] == "postsuper"}
    assert by_option == set(postsuper.VERBS)
    flushes = {words[1] for words in KILLED if words[0] == "postqueue"}
    assert flushes == {f"-{letter}" for letter in "fis"}
    assert all(f"postqueue {option}" in postqueue.USAGE for option in flushes)


def try_verb(surgery: Surgery, pool: str) -> None:
    """Kill a verb in the middle; then undo it."""
    verb, words, question = VERBS[pool]
    last = surgery.last_of("operation")

    def done() -> bool:
        if surgery.last_of("operation") == last:
            surgery.nothing_done(last)
            return False
        (number, name, messages), *_ = surgery.operations()
        assert (number, name) == (last + 1, verb)
        # An agent may have had one in hand.
        assert POOL - 2 <= messages <= POOL
        surgery.done_wholly(number, messages, question)
        return True

    surgery.kill_in_the_middle(words, pool, COMMIT, done)
    (number, _, messages), *_ = surgery.operations()
    try_undo(surgery, pool, number, lambda: surgery.done_wholly(number, messages, question))


def try_undo(surgery: Surgery, pool: str, number: int, stands: Callable[[], None]) -> None:
    """Kill the undoing of an operation in the middle."""
    undone = "SELECT undone_at IS NOT NULL FROM operation WHERE operation_id = ?"
    words = (*UNDO, str(number))
    if surgery.rng.random() < 0.5:
        assert surgery.run(*words, crash="undo.before_commit") == SIGKILLED
        assert surgery.number(undone, number) == 0
        stands()
    if surgery.rng.random() < 0.5:
        assert surgery.run(*words, crash="undo.after_commit") == SIGKILLED
    else:
        # What was returned is gone, what was tried again meanwhile is named: status 1.
        assert surgery.run(*words) in (0, 1)
    back = (
        "SELECT count(*) FROM event"
        " WHERE kind IN ('restored', 'undone') AND detail ->> 'operation' = ?"
    )
    assert surgery.number(undone, number) == (surgery.number(back, number) > 0)
    assert surgery.number(undone, number) or pool in FLEETING
    surgery.account_for_everybody()


def try_rule(surgery: Surgery, pool: str) -> None:
    """Kill a rule while it is made and while it ends, and with it what it does to queued mail."""
    points = ("rule.before_commit", "rule.after_commit")
    number = surgery.last_of("rule") + 1
    kept = "SELECT count(*) FROM bound WHERE rule_id = ?"
    events = "SELECT count(*) FROM event WHERE kind = ? AND detail ->> 'rule' = ?"

    def made() -> bool:
        known = surgery.all_or_none(1, "SELECT count(*) FROM rule WHERE rule_id = ?", number)
        assert surgery.number(kept, number) == (POOL if known else 0)
        assert surgery.number(events, "rule_added", number) == known
        return known

    def ended() -> bool:
        question = "SELECT count(*) FROM rule WHERE rule_id = ? AND ended_at IS NOT NULL"
        over = surgery.all_or_none(1, question, number)
        assert surgery.number(kept, number) == (0 if over else POOL)
        assert surgery.number(events, "rule_ended", number) == over
        return over

    surgery.kill_in_the_middle(RULES[pool], pool, points, made)
    release = ["--release"] if pool == "rule-hold" else []
    end = (*END, str(number), "--because", "so", *release)
    surgery.kill_in_the_middle(end, pool, points, ended)


def try_flushes(surgery: Surgery) -> None:
    """Kill flushes of some mail, of a site's, of one message and of all in the middle."""
    _flush_chosen(surgery)
    of_site = (
        "SELECT count(DISTINCT message_id) FROM event WHERE kind = 'flushed' AND message_id IN"
        " (SELECT message_id FROM recipient WHERE address LIKE ?)"
    )
    before = surgery.number(of_site, f"%@{SITE}")
    assert surgery.run(*FLUSH_SITE, crash="flush.after_slice") == SIGKILLED
    surgery.account_for_everybody()
    assert surgery.run(*FLUSH_SITE) == 0
    left = "SELECT count(*) FROM recipient WHERE address LIKE ?"
    wait_for(lambda: surgery.number(left, f"%@{SITE}") == 0, 60, f"the mail for {SITE}")
    assert before < BACKLOG.messages // 2 - SLICE, "it was too little for two slices"
    surgery.account_for_everybody()
    ((name,), *_) = surgery.system.read(
        "SELECT queue_id FROM message WHERE sender = ?", BACKLOG.sender(5)
    )
    surgery.run(*FLUSH_ONE, name, after=surgery.rng.uniform(0.05, 0.5))
    surgery.account_for_everybody()
    assert surgery.run(*FLUSH_ONE, name) == 0
    there = "SELECT count(*) FROM message WHERE queue_id = ?"
    wait_for(lambda: surgery.number(there, name) == 0, 30, "the one message")
    for words in FLUSHES:
        assert surgery.run(*words, crash="flush.after_slice") == SIGKILLED
        surgery.account_for_everybody()
    rest = "SELECT count(*) FROM message WHERE sender LIKE '%@bench.example'"
    wait_for(lambda: surgery.number(rest) == 0, 60, "the rest, which the keeper goes on with")
    wait_for(lambda: surgery.number("SELECT count(*) FROM whole_flush") == 0, 30, "its end")
    surgery.account_for_everybody()


def _flush_chosen(surgery: Surgery) -> None:
    of_sender = "SELECT count(*) FROM message WHERE sender = ?"
    chosen = [
        row[0]
        for row in surgery.system.read(
            "SELECT message_id FROM message WHERE sender = ?", BACKLOG.sender(3)
        )
    ]
    question = (
        "SELECT count(DISTINCT message_id) FROM event WHERE kind = 'flushed'"
        f" AND message_id IN ({', '.join(map(str, chosen))})"
    )
    surgery.kill_in_the_middle(
        FLUSH_CHOSEN, "", COMMIT, lambda: surgery.all_or_none(len(chosen), question)
    )
    wait_for(lambda: surgery.number(of_sender, BACKLOG.sender(3)) == 0, 60, "the chosen mail")


def make_backup(surgery: Surgery, file: Path) -> None:
    """Kill backups in the middle: no half of one is taken for a backup; then make one."""
    part = file.with_name(f"{file.name}.part")
    for _ in range(3):
        surgery.run_until(file.parent, part.name, *BACKUP, str(file))
        for copy in (file, part):
            if copy.exists():
                _whole_or_refused(copy, whole=copy is file)
        file.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
        surgery.account_for_everybody()
    assert surgery.run(*BACKUP, str(file)) == 0
    assert not part.exists()


def _whole_or_refused(copy: Path, *, whole: bool) -> None:
    try:
        assert verify(copy).messages > 0
    except SpoolUnusable:
        assert not whole


def restore(surgery: Surgery, file: Path) -> None:
    """Kill restores in the middle: the spool is the old one or the new one; then let one end."""
    words = (*RESTORE, str(file), "--without-delivered")
    assert surgery.run(*words, crash="restore.before_decision") == SIGKILLED
    surgery.account_for_everybody()
    for point in ("restore.after_decision", "restore.after_aside"):
        # Who comes next ends it; until then nobody opens the spool.
        assert surgery.run(*words, crash=point) == SIGKILLED
    assert surgery.run(*words) == 0
    surgery.account_for_everybody()


@pytest.fixture
def surgery(tmp_path: Path) -> Iterator[Surgery]:
    seed = random.SystemRandom().randrange(1 << 32)
    print(describe(seed, tmp_path))
    ledger = Ledger(tmp_path / "ledger")
    with Receiver(tmp_path / "taken") as receiver:
        relay = {"relayhost": f"[127.0.0.1]:{receiver.port}"}
        system = MailSystem(tmp_path, relay | PUT_OFF)
        Spool.open(system.queue / FILE_NAME, SystemClock(), create=True).close()
        BACKLOG.fill(system.queue / FILE_NAME)
        with system:
            yield Surgery(system, receiver, ledger, random.Random(seed))
    ledger.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_verb_under_load_is_done_wholly_or_not_at_all(surgery: Surgery) -> None:
    system, file = surgery.system, surgery.system.root / "night.db"
    surgery.fill([*VERBS, *RULES])
    surgery.hold(HELD_POOLS)
    clients = Clients(surgery)
    clients.start()
    try:
        for pool in VERBS:
            try_verb(surgery, pool)
        for pool in RULES:
            try_rule(surgery, pool)
        make_backup(surgery, file)
        try_flushes(surgery)
    finally:
        clients.stop()
    _let_everything_go(surgery)
    assert surgery.run("spoolmta", "audit") == 0
    assert system.stop() == 0
    restore(surgery, file)
    system.start()
    system.wait_until_empty()
    assert surgery.run("spoolmta", "audit") == 0
    promised = {
        token
        for token in read_tokens(surgery.ledger.path, PROMISED)
        if token.startswith(("taken", "later"))
    }
    assert len(promised) > 100, "too little load to mean anything"
    assert promised - set(surgery.receiver.taken()) == set()


def _let_everything_go(surgery: Surgery) -> None:
    """Give the pools a way out."""
    system = surgery.system
    system.configure({"relayhost": system.settings["relayhost"]})
    system.master.send_signal(signal.SIGHUP)
    system.wait_for_log("reload")
    surgery.run("spoolmta", "queue", "release", "ALL", "--yes")
    wait_for(lambda: _flushed(system), 60, "an end of all deliveries")


def _flushed(system: MailSystem) -> bool:
    system.run("postqueue", "-f")
    return system.read("SELECT count(*) FROM message") == [(0,)]
