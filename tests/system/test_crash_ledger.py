"""The promise: what was answered 250 is never lost, whatever process dies, whenever it dies.

Clients of ours send over real sockets and through sendmail, and keep a ledger of every promise
outside the system. A receiver process records what it takes. Meanwhile processes are killed with
-9, at random and at each named crash point. Afterwards the three accounts must agree.
"""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from spoolmta.spool.connection import FILE_NAME, Row
from spoolmta.spool.questions.question import ask
from tests.support import forked
from tests.support.ledger import PROMISED, REFUSED, UNKNOWN, Ledger, read_tokens
from tests.support.load import Letter, LocalUser, Session, Writer, keep_sending
from tests.support.mail_system import MailSystem, wait_for
from tests.support.nemesis import Nemesis, crash_points, describe
from tests.support.receiver import Receiver

SESSIONS = 6
SESSION_PAUSE = 0.02
PROGRAM_PAUSE = 0.5
QUIET_SECONDS = 120
STATES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
TRACE = re.compile(rb"^(?:X-Original-To|Delivered-To): (.*?)\r?$", re.MULTILINE)


@dataclass
class Siege:
    """A mail system, its next hop and the ledger, in one folder."""

    system: MailSystem
    ledger: Ledger
    receiver: Receiver
    rng: random.Random
    nemesis: Nemesis


@pytest.fixture
def siege(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Siege]:
    seed = random.SystemRandom().randrange(1 << 32)
    print(describe(seed, tmp_path))
    rng = random.Random(seed)
    ledger = Ledger(tmp_path / "ledger")
    with Receiver(tmp_path / "taken") as receiver:
        system = MailSystem(tmp_path, {"relayhost": f"[127.0.0.1]:{receiver.port}"})
        with system:
            yield Siege(system, ledger, receiver, rng, Nemesis(system, rng))
    ledger.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_promised_is_lost_over_a_hundred_kills_at_any_time(siege: Siege) -> None:
    asyncio.run(_besiege(siege, random_kills=120, pause=(0.1, 0.9), points=[], seconds=0))
    _check_the_accounts(siege, least_kills=120)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_promised_is_lost_over_eighty_kills_at_every_crash_point(siege: Siege) -> None:
    # Those of an operator's commands are no service's: tests/system/test_surgery_*.py.
    commands = ("flush.", "operate.", "restore.", "rule.", "undo.")
    points = [point for point in crash_points() if not point.startswith(commands)]
    assert len(points) >= 10
    siege.rng.shuffle(points)
    asyncio.run(_besiege(siege, random_kills=0, pause=(0, 0), points=points, seconds=6))
    _check_the_accounts(siege, least_kills=80)


async def _besiege(
    siege: Siege,
    *,
    random_kills: int,
    pause: tuple[float, float],
    points: list[str],
    seconds: float,
) -> None:
    stopped = asyncio.Event()
    writer = Writer(siege.rng, "alice+{}@inbox.example")
    sessions = [Session(siege.system.port) for _ in range(SESSIONS)]

    async def by_program(letter: Letter) -> str:
        return await asyncio.to_thread(_submit_by_program, siege.system, letter)

    async with asyncio.TaskGroup() as clients:
        for session in sessions:
            clients.create_task(
                keep_sending(session.submit, writer, siege.ledger, stopped, SESSION_PAUSE)
            )
        user = LocalUser(siege.system.queue / "public" / "submit")
        clients.create_task(keep_sending(user.submit, writer, siege.ledger, stopped, SESSION_PAUSE))
        clients.create_task(keep_sending(by_program, writer, siege.ledger, stopped, PROGRAM_PAUSE))
        await siege.nemesis.kill_at_random(random_kills, pause)
        for point in points:
            await siege.nemesis.crash_at(point, siege.rng.randrange(1, 8), seconds)
        if points:
            await siege.nemesis.restart({})
        stopped.set()
    for session in sessions:
        await session.close()


def _submit_by_program(system: MailSystem, letter: Letter) -> str:
    """Hand *letter* to sendmail; exit status 0 is a promise."""
    words = ("-i", "-f", letter.sender, "--", *letter.recipients)
    ended = forked.run(
        ("sendmail", "-C", system.configuration / "main.cf", *words),
        environment=os.environ,
        stdin=letter.content.replace(b"\r\n", b"\n"),
    )
    return PROMISED if ended.returncode == 0 else UNKNOWN


def _check_the_accounts(siege: Siege, least_kills: int) -> None:
    system, kills = siege.system, siege.nemesis.kills
    _wait_until_quiet(system)
    siege.nemesis.count_crashes()
    system.stop()
    print(system.run("spoolmta", "audit"))
    taken = _delivered(siege)
    promised = read_tokens(siege.ledger.path, PROMISED)
    print(f"kills: {dict(kills)}; ledger: {dict(siege.ledger.counts)}; taken: {taken.total()}")

    assert sum(kills.values()) >= least_kills, kills
    assert sum(promised.values()) > 10 * least_kills, "too little load to mean anything"
    lost = set(promised) - set(taken) - _still_queued(system)
    assert not lost, f"promised, and nowhere to be found: {sorted(lost)}"

    refused = read_tokens(siege.ledger.path, REFUSED)
    assert not set(refused) & set(taken), "refused to the client, and delivered all the same"
    _check_duplicates(system, taken, kills)
    _check_the_spool(system)


def _wait_until_quiet(system: MailSystem) -> None:
    """Wait until all mail has left, or stands in corrupt because its claimer died three times."""

    def idle() -> bool:
        system.run("postqueue", "-f")
        rows = system.read(
            "SELECT count(*) FROM message WHERE message_id NOT IN (SELECT message_id FROM corrupt)"
        )
        if rows != [(0,)] or system.read("SELECT 1 FROM upload LIMIT 1"):
            return False
        # The keeper learns of a death after the master has; before that the row still stands.
        registered = {pid for (pid,) in system.read("SELECT pid FROM process")}
        return registered <= set(system.services())

    wait_for(idle, QUIET_SECONDS, "an end of all deliveries")


def _delivered(siege: Siege) -> Counter[str]:
    """Return how often each token came out: at the receiver, in the maildir, or in a bounce."""
    taken = siege.receiver.taken()
    for message in siege.system.mailbox("alice"):
        token = TRACE.search(message)
        assert token, message[:300]
        taken[token[1].decode()] += 1
    for promised in (
        *read_tokens(siege.ledger.path, PROMISED),
        *read_tokens(siege.ledger.path, UNKNOWN),
    ):
        if promised.startswith("refuse-"):
            bounce_address = promised.replace("refuse-", "s-").replace("outside", "back")
            taken[promised] += taken[bounce_address] > 0
    return +taken


def _still_queued(system: MailSystem) -> set[str]:
    waiting = {address for (address,) in system.read("SELECT address FROM recipient")}
    # A bounce that waits stands for the mail that it returns.
    returning = {_refused_for(address) for address in waiting if address.startswith("s-")}
    return waiting | returning


def _refused_for(bounce_address: str) -> str:
    return bounce_address.replace("s-", "refuse-", 1).replace("back", "outside")


def _check_duplicates(system: MailSystem, taken: Counter[str], kills: Counter[str]) -> None:
    """A message arrives twice only if the next hop had it and our client died before it said so."""
    twice = {token: count for token, count in taken.items() if count > 1}
    in_a_maildir = [token for token in twice if token.endswith("@inbox.example")]
    assert not in_a_maildir, "a repeated delivery to a maildir is the same file"
    unexplained = {
        token: count
        for token, count in twice.items()
        if not token.startswith("s-") and count - 1 > _attempts_without_an_answer(system, token)
    }
    assert not unexplained, "delivered twice, and no attempt was in doubt"
    clients = kills["smtp"] + kills["master"]
    print(f"duplicates: {len(twice)}, with {clients} smtp clients killed")


def _attempts_without_an_answer(system: MailSystem, token: str) -> int:
    """Return how many attempts for a recipient began, says the journal, and were never reported."""
    ((answers, answered),) = _ask(
        system,
        "SELECT count(*), max(message_id) FROM v1_events"
        f" WHERE recipient = '{token}' AND kind IN ('sent', 'deferred', 'bounced')",
    )
    # One that stands in corrupt may never have been answered.
    waiting = system.read("SELECT message_id FROM recipient WHERE address = ?", token)
    message_id = waiting[0][0] if waiting else answered
    ((grants,),) = _ask(
        system,
        f"SELECT count(*) FROM v1_events WHERE message_id = {message_id or 0} AND kind = 'granted'"
        " AND detail ->> 'transport' = 'smtp'",
    )
    return int(grants) - int(answers)


def _ask(system: MailSystem, question: str) -> list[Row]:
    """Return what the views say, over the history of what is gone, too."""
    return ask(system.queue / FILE_NAME, question, seconds=30, limit=10).rows


def _check_the_spool(system: MailSystem) -> None:
    assert system.read("PRAGMA integrity_check") == [("ok",)]
    places = " UNION ALL ".join(f"SELECT message_id FROM {state}" for state in STATES)
    several = system.read(
        f"SELECT message_id, count(*) FROM ({places}) GROUP BY message_id HAVING count(*) > 1"
    )
    assert not several, f"in several states: {several}"
    nowhere = system.read(f"SELECT message_id FROM message WHERE message_id NOT IN ({places})")
    assert not nowhere, f"in no state: {nowhere}"
    for table in ("claim", "attempt", "granted", "upload", "process"):
        assert system.read(f"SELECT count(*) FROM {table}") == [(0,)], f"left in {table}"
    for table in ("recipient", "content", "outcome", "notice", "delivery"):
        orphans = system.read(
            f"SELECT count(*) FROM {table} WHERE message_id NOT IN (SELECT message_id FROM message)"
        )
        assert orphans == [(0,)], f"rows of no message in {table}"
