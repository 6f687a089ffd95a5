"""When mail goes, and over how many connections: with pauses, deferred and missing transports."""

import itertools
import json
import smtplib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.mail_system import wait_for
from tests.support.postfix_oracle import is_installed
from tests.support.scripted_server import ScriptedServer
from tests.support.side_by_side import Kind, System, side_by_side

# Postfix's clock of events counts whole seconds: of a pause it may leave one out. A busy machine
# takes its time between two messages that need not wait, too.
PAUSE = 6.0
A_SECOND = 1.0
KEPT = 2.0  # seconds; Postfix's connection cache allows no more by default

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="needs a Postfix beside ours, and root"),
]


class Receiver(ScriptedServer):
    """Takes everything, and notes when, and how long each connection was open."""

    def __init__(self) -> None:
        super().__init__({".": self._note})
        self.times: list[float] = []
        self.lasted: list[float] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def _note(self, _: ScriptedServer) -> str:
        self.may_answer.wait(60)
        self.times.append(time.monotonic())
        return "250 2.0.0 Ok"

    def _serve(self, *arguments: object) -> None:
        begun = time.monotonic()
        super()._serve(*arguments)  # type: ignore[arg-type]
        self.lasted.append(time.monotonic() - begun)

    def gaps(self) -> list[bool]:
        """Return which messages came later than the one before by about a pause."""
        return [b - a > PAUSE / 2 for a, b in itertools.pairwise(self.times)]


@pytest.fixture
def root() -> Iterator[Path]:
    """Return a folder that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="pace-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def send(system: System, *recipients: str) -> None:
    """Send a message of its own to each recipient, over one connection."""
    with smtplib.SMTP("127.0.0.1", system.port, timeout=60) as client:
        for recipient in recipients:
            client.sendmail("a@x.example", [recipient], "Subject: x\n\nx\n")


def is_deferred(system: System) -> bool:
    """Tell whether all mail is deferred."""
    queued = [json.loads(line) for line in system.run("postqueue", "-j").splitlines()]
    return {message["queue_name"] for message in queued} == {"deferred"}


def both(root: Path, see: Callable[[Kind, Path], object]) -> None:
    """Assert that ours shows what Postfix shows."""
    theirs, ours = side_by_side(root, see)
    assert ours == theirs


@pytest.mark.parametrize(
    ("own", "people"),
    [
        ({"relay_destination_rate_delay": f"{PAUSE:g}s"}, ["a@y.example"] * 3),
        (
            {
                "relay_destination_rate_delay": f"{PAUSE:g}s",
                "relay_destination_recipient_limit": "1",
            },
            ["a@y.example", "b@y.example", "a@y.example", "b@y.example"],
        ),
        (
            {"relay_transport_rate_delay": f"{PAUSE:g}s"},
            ["a@y.example", "a@z.example", "b@y.example"],
        ),
    ],
    ids=["of a destination", "of a recipient", "of a transport"],
)
def test_deliveries_pause(own: dict[str, str], people: list[str], root: Path) -> None:
    def see(kind: Kind, folder: Path) -> list[bool]:
        with Receiver() as receiver:
            nexthop = f"[127.0.0.1]:{receiver.port}"
            settings = {"relay_domains": "y.example z.example", "relayhost": nexthop, **own}
            with kind(folder, settings) as system:
                send(system, "first@y.example")
                wait_for(lambda: receiver.times, 30, "the mail that an agent is started for")
                time.sleep(PAUSE + 2 * A_SECOND)
                receiver.times.clear()
                send(system, *people)
                wait_for(lambda: len(receiver.times) == len(people), 30, "all the mail")
            return receiver.gaps()

    both(root, see)


@pytest.mark.parametrize(
    ("recipient_limit", "concurrency", "sessions"),
    [("1", "1", 8), ("1", "20", 8), ("2", "1", 1), ("2", "3", 3)],
)
def test_with_one_recipient_a_delivery_concurrency_is_that_of_a_recipient(
    recipient_limit: str, concurrency: str, sessions: int, root: Path
) -> None:
    def see(kind: Kind, folder: Path) -> int:
        with Gate() as gate:
            settings = {
                "relay_domains": "y.example",
                "relayhost": f"[127.0.0.1]:{gate.server.port}",
                "relay_destination_recipient_limit": recipient_limit,
                "relay_destination_concurrency_limit": concurrency,
            }
            with kind(folder, settings) as system:
                with smtplib.SMTP("127.0.0.1", system.port, timeout=60) as client:
                    people = [f"r{number}@y.example" for number in range(8)]
                    client.sendmail("a@x.example", people, "Subject: x\n\nx\n")
                wait_for(lambda: gate.open >= sessions, 60, "as many sessions as there may be")
                time.sleep(1.0)  # for those that should not come
                return gate.open

    both(root, see)


def test_a_deferred_transport_waits_for_a_flush_and_is_deferred_again(root: Path) -> None:
    def see(kind: Kind, folder: Path) -> list[str]:
        with Receiver() as receiver:
            settings = {
                "relay_domains": "y.example",
                "relayhost": f"[127.0.0.1]:{receiver.port}",
                "defer_transports": "relay",
                "minimal_backoff_time": "300s",
                "maximal_backoff_time": "4000s",
            }
            with kind(folder, settings) as system:
                send(system, "first@y.example")
                wait_for(lambda: answers(system), 30, "an answer")
                wait_for(lambda: is_deferred(system), 30, "the message deferred")
                system.run("postqueue", "-f")
                wait_for(lambda: len(answers(system)) == 2, 30, "a second answer")
                send(system, "other@y.example")
                wait_for(lambda: len(answers(system)) == 3, 30, "a third answer")
                return answers(system)

    both(root, see)


def test_a_transport_that_is_missing_is_tried_again_once_it_is_there(root: Path) -> None:
    def see(kind: Kind, folder: Path) -> set[str]:
        with Receiver() as receiver:
            settings = {
                "relay_domains": "y.example",
                "relay_transport": f"new:[127.0.0.1]:{receiver.port}",
                "transport_retry_time": "1s",
                "minimal_backoff_time": "300s",
                "maximal_backoff_time": "4000s",
            }
            with kind(folder, settings) as system:

                def is_sent_when_flushed() -> bool:
                    system.run("postqueue", "-f")
                    return len(receiver.times) > 0

                send(system, "first@y.example")
                wait_for(lambda: answers(system), 30, "an answer")
                with (system.configuration / "master.cf").open("a") as master:
                    master.write("new unix - - n - - smtp\n")
                system.run("postfix", "reload")
                wait_for(is_sent_when_flushed, 60, "the message at the receiver")
                wait_for(lambda: " removed" in system.log(), 30, "its end")
                # How often it was too early for the new configuration is of no interest.
                return set(answers(system))

    both(root, see)


def answers(system: System) -> list[str]:
    """Return what became of each recipient, as the log tells it, without the server's port."""
    lines = [line for line in system.log().splitlines() if " status=" in line]
    return [
        f"{line.partition('to=')[2].partition(',')[0]} {line.partition('dsn=')[2]}"
        for line in lines
    ]


def test_a_connection_is_kept_only_where_there_is_more_mail(root: Path) -> None:
    def see(kind: Kind, folder: Path) -> tuple[bool, bool, bool]:
        with Receiver() as receiver:
            settings = {
                "relay_domains": "y.example",
                "relayhost": f"[127.0.0.1]:{receiver.port}",
                "relay_destination_concurrency_limit": "1",
                "smtp_connection_cache_time_limit": f"{KEPT:g}s",
            }
            with kind(folder, settings) as system:
                send(system, "alone@y.example")
                wait_for(lambda: receiver.lasted, 30, "the end of the connection")
                closed_at_once = receiver.lasted[0] < KEPT
                before = receiver.connections
                receiver.may_answer.clear()
                send(system, *["many@y.example"] * 12)
                wait_for(lambda: system.log().count("(queue active)") == 13, 30, "all to wait")
                receiver.may_answer.set()
                wait_for(lambda: len(receiver.times) == 13, 60, "all the mail")
                few = receiver.connections - before <= 4
                wait_for(lambda: len(receiver.lasted) == receiver.connections, 30, "the last end")
                return closed_at_once, few, receiver.lasted[-1] > KEPT

    both(root, see)
