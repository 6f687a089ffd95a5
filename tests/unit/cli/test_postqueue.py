"""postqueue and mailq, with and without a showq service; flushing."""

import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from spoolmta.cli.queue_tools.postqueue import mailq, main
from spoolmta.protocols.showq import END, GREETING, ListedMessage, ListedRecipient, format_message
from spoolmta.spool import flushes
from spoolmta.spool.questions import inspect
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Ended, Run

LISTED = ListedMessage("hold", "A1B2C3", 1, 2048, "a@b", (ListedRecipient("c@d"),))
DOWN = "warning: Mail system is down -- accessing queue directly"


@pytest.fixture
def running(sample: SampleSpool) -> Iterator[None]:
    """Hold the lock that tells a running master."""
    descriptor = os.open(sample.queue / "pid" / "master.pid", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, f"{os.getpid():>10d}\n".encode())
    yield
    os.close(descriptor)


@pytest.fixture
def showq(sample: SampleSpool) -> Iterator[None]:
    """Answer one connection with a listing of one message."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(sample.queue / "public" / "showq"))
    listener.listen()

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(GREETING + format_message(LISTED) + END)

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    thread.join()
    listener.close()


def next_try(sample: SampleSpool) -> float:
    entry = inspect.find(sample.spool, sample.ids["deferred"])
    assert entry is not None
    assert entry.next_try_at is not None
    return entry.next_try_at


@pytest.mark.usefixtures("showq")
def test_the_listing_comes_from_showq(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "-p")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.split("\n")[1].startswith("A1B2C3!        2048 Thu Jan  1 ")
    assert ended.out.endswith("\n-- 2 Kbytes in 1 Request.\n")


@pytest.mark.usefixtures("showq")
def test_json_comes_from_showq(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "-j")
    assert json.loads(ended.out)["recipients"] == [{"address": "c@d"}]


def test_without_showq_the_spool_is_read(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "-p")
    assert ended.status == 0
    assert DOWN in ended.err
    lines = ended.out.split("\n")
    assert sum(line.startswith(tuple(sample.ids.values())) for line in lines) == 5
    assert lines[-2] == "-- 0 Kbytes in 5 Requests."


def test_mailq_is_postqueue_p(
    sample: SampleSpool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_CONFIG", str(sample.configuration))
    assert run(mailq, "-v").out == run(main, "-p").out


def test_mailq_takes_no_recipient(run: Run) -> None:
    ended = run(mailq, "someone")
    assert ended.status == 75
    assert ended.err == "mailq: fatal: display queue mode requires no recipient\n"


def test_long_queue_ids_have_their_layout(sample: SampleSpool, run: Run) -> None:
    with (sample.configuration / "main.cf").open("a") as main_cf:
        main_cf.write("enable_long_queue_ids = yes\n")
    ended = run(main, "-c", sample.configuration, "-p")
    assert ended.out.startswith("----Queue ID----- --Size-- ---Arrival Time----")


@pytest.mark.usefixtures("running")
def test_a_flush_makes_deferred_mail_due(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "-f")
    assert (ended.status, ended.out, ended.err) == (0, "", "")
    assert next_try(sample) < sample.start + 7200
    assert flushes.asked(sample.spool)


@pytest.mark.usefixtures("running")
def test_one_message_is_flushed(sample: SampleSpool, run: Run) -> None:
    assert run(main, "-c", sample.configuration, "-i", sample.ids["deferred"]).status == 0
    assert next_try(sample) < sample.start + 7200


@pytest.mark.usefixtures("running")
def test_a_message_that_is_gone_is_no_failure(sample: SampleSpool, run: Run) -> None:
    assert run(main, "-c", sample.configuration, "-i", "NOSUCH") == Ended(0, "", "")


@pytest.mark.parametrize("name", ["a/b", ""])
def test_what_cannot_be_a_queue_id_is_refused(sample: SampleSpool, run: Run, name: str) -> None:
    ended = run(main, "-c", sample.configuration, "-i", name)
    assert ended.status == 69
    assert ended.err == f'postqueue: fatal: Cannot flush queue ID - invalid name: "{name}"\n'


@pytest.mark.usefixtures("running")
def test_a_site_is_flushed_if_it_is_eligible(sample: SampleSpool, run: Run) -> None:
    with (sample.configuration / "main.cf").open("a") as main_cf:
        main_cf.write("fast_flush_domains = slow.example\n")
    assert run(main, "-c", sample.configuration, "-s", "slow.example").status == 0
    assert next_try(sample) < sample.start + 7200


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("slow.example", 'Flush service is not configured for destination "slow.example"'),
        ("[192.0.2.1]", 'Flush service is not configured for destination "[192.0.2.1]"'),
        ("192.0.2.1", 'Cannot flush mail queue - invalid destination: "192.0.2.1"'),
        ("a..b", 'Cannot flush mail queue - invalid destination: "a..b"'),
        ("", 'Cannot flush mail queue - invalid destination: ""'),
    ],
)
def test_a_site_that_is_not_eligible_is_refused(
    sample: SampleSpool, run: Run, site: str, said: str
) -> None:
    ended = run(main, "-c", sample.configuration, "-s", site)
    assert (ended.status, ended.err) == (69, f"postqueue: fatal: {said}\n")


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (("-f",), ""),
        (("-i", "ABCDE"), "postqueue: warning: connect to public/flush: Connection refused\n"),
    ],
    ids=str,
)
def test_nothing_is_flushed_while_the_mail_system_is_down(
    sample: SampleSpool, run: Run, arguments: tuple[str, ...], warning: str
) -> None:
    ended = run(main, "-c", sample.configuration, *arguments)
    assert ended.status == 69
    assert (
        ended.err == warning + "postqueue: fatal: Cannot flush mail queue - mail system is down\n"
    )


@pytest.mark.parametrize(
    "arguments", [(), ("-p", "-f"), ("-p", "operand"), ("-x",), ("-i",)], ids=str
)
def test_a_wrong_call_shows_the_usage(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run(main, *arguments)
    assert ended.status == 69
    assert ended.err.endswith(
        "postqueue: fatal: usage: postqueue -f | postqueue -i queueid | postqueue -j |"
        " postqueue -p | postqueue -s site\n"
    )


def test_a_missing_configuration_is_named(run: Run) -> None:
    ended = run(main, "-c", "/nonexistent", "-p")
    assert ended.status == 69
    assert ended.err.startswith("postqueue: fatal: open /nonexistent/main.cf: No such file")


def test_a_missing_spool_is_said_with_what_to_do(sample: SampleSpool, run: Run) -> None:
    sample.path.unlink()
    ended = run(main, "-c", sample.configuration, "-p")
    assert ended.status == 69
    assert "Queue report unavailable - mail system is down" in ended.err
    assert "the first start of the mail system creates it" in ended.err
