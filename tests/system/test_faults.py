"""Bad input and bad luck get a clear word and lose nothing."""

import contextlib
import signal
import smtplib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import psutil
import pytest

from tests.support.mail_system import MailSystem, free_port, wait_for
from tests.support.receiver import Receiver

EXIT_UNAVAILABLE = 69
EXIT_CONFIG = 78
MESSAGE = "Subject: test\r\n\r\nhello\r\n"
MEGABYTE = 1 << 20


@pytest.fixture
def system(tmp_path: Path) -> Iterator[MailSystem]:
    with MailSystem(tmp_path) as running:
        yield running


# ------------------------------------------------------------------------- what cannot be started


def _refusal(system: MailSystem) -> tuple[int, str]:
    """Return exit status and words of a start that must not come about."""
    begun = len(system.stderr())
    status = system.launch().wait(30)
    return status, system.stderr()[begun:] + system.log()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("minimal_backoff_time = soon", "soon"),
        ("smtpd_recipient_limit = -1", "-1"),
        ("smtputf8_enable = perhaps", "perhaps"),
        ("this is not a setting", "="),
    ],
)
def test_a_broken_main_cf_is_named_with_file_and_line(
    tmp_path: Path, line: str, expected: str
) -> None:
    system = MailSystem(tmp_path)
    main = system.configuration / "main.cf"
    text = main.read_text() + f"\n{line}\n"
    main.write_text(text)
    status, words = _refusal(system)
    assert status == EXIT_CONFIG
    assert f"{main}, line {text.count(chr(10))}" in words
    assert expected in words


def test_a_broken_master_cf_is_named_with_file_and_line(tmp_path: Path) -> None:
    system = MailSystem(tmp_path, services_extra="smtp inet n -\n")
    master = system.configuration / "master.cf"
    status, words = _refusal(system)
    assert status == EXIT_CONFIG
    assert f"{master}, line {master.read_text().count(chr(10))}" in words


def test_a_spool_of_another_schema_version_is_not_touched(tmp_path: Path) -> None:
    with MailSystem(tmp_path) as system:
        system.stop()
    spool = apsw.Connection(str(system.queue / "spool.db"))
    spool.execute("PRAGMA user_version = 99")
    spool.close()
    status, words = _refusal(system)
    assert status == EXIT_UNAVAILABLE
    assert "99" in words
    assert "spool.db" in words


def test_a_file_that_is_no_database_is_not_touched(tmp_path: Path) -> None:
    system = MailSystem(tmp_path)
    file = system.queue / "spool.db"
    file.write_bytes(b"this was a letter to my aunt\n" * 1000)
    status, words = _refusal(system)
    assert status == EXIT_UNAVAILABLE
    assert "spool.db" in words
    assert file.read_bytes().startswith(b"this was a letter")


def test_a_port_in_use_is_named_with_the_line_that_asks_for_it(tmp_path: Path) -> None:
    system = MailSystem(tmp_path)
    with socket.create_server(("127.0.0.1", system.port)):
        status, words = _refusal(system)
    assert status == EXIT_CONFIG
    assert "master.cf, line 1" in words
    assert str(system.port) in words


def test_a_second_master_of_the_same_spool_is_refused(system: MailSystem) -> None:
    first = system.port
    system.port = free_port()
    system.configure(system.settings)
    status, words = _refusal(system)
    assert status != 0
    assert str(system.master.pid) in words or "already running" in words
    system.port = first
    system.send("me@example.com", ["alice@inbox.example"], MESSAGE)
    wait_for(lambda: system.mailbox("alice"), 20, "mail, with the first master undisturbed")


# -------------------------------------------------------------------------------- life of a master


def test_a_reload_takes_a_new_configuration(system: MailSystem) -> None:
    assert _banner(system) == b"220 mx.test.example ESMTP Postfix"
    system.configure({**system.settings, "smtpd_banner": "$myhostname ESMTP anew"})
    system.master.send_signal(signal.SIGHUP)
    wait_for(lambda: _banner(system) == b"220 mx.test.example ESMTP anew", 20, "the new banner")


def test_a_reload_with_a_broken_configuration_keeps_the_old_one(system: MailSystem) -> None:
    system.configure({"smtpd_banner": "$myhostname ESMTP broken", "minimal_backoff_time": "soon"})
    system.master.send_signal(signal.SIGHUP)
    system.wait_for_log("minimal_backoff_time")
    assert _banner(system) == b"220 mx.test.example ESMTP Postfix"
    system.send("me@example.com", ["alice@inbox.example"], MESSAGE)
    wait_for(lambda: system.mailbox("alice"), 20, "mail under the old configuration")
    assert "main.cf, line" in system.log()


def test_a_reload_loses_no_session_that_is_under_way(system: MailSystem) -> None:
    with system.client() as client:
        client.ehlo()
        client.mail("me@example.com")
        system.master.send_signal(signal.SIGHUP)
        system.wait_for_log("reload")
        assert client.rcpt("alice@inbox.example")[0] == 250
        assert client.data(MESSAGE)[0] == 250
    wait_for(lambda: system.mailbox("alice"), 20, "the message of the old session")


def test_sigterm_lets_a_message_in_transfer_be_finished(system: MailSystem) -> None:
    client = system.client()
    client.ehlo()
    client.mail("me@example.com")
    client.rcpt("alice@inbox.example")
    assert client.docmd("DATA")[0] == 354
    services = system.processes()[1:]
    system.master.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    client.send(MESSAGE + ".\r\n")
    code, _ = client.getreply()
    client.close()
    assert code == 250
    assert system.stop() == 0
    assert not [process for process in services if process.is_running()]
    assert system.read("SELECT count(*) FROM process") == [(0,)]
    assert system.read("SELECT count(*) FROM claim") == [(0,)]
    system.start()
    wait_for(lambda: system.mailbox("alice"), 20, "the message, now or after the next start")


def test_sigterm_ends_an_idle_session(system: MailSystem) -> None:
    client = system.client()
    client.ehlo()
    started = time.monotonic()
    assert system.stop() == 0
    assert time.monotonic() - started < 15
    with contextlib.suppress(smtplib.SMTPServerDisconnected):
        assert client.noop()[0] == 421
    client.close()


def test_services_end_when_their_master_is_killed(system: MailSystem) -> None:
    services = system.processes()[1:]
    assert services
    system.master.kill()
    _, alive = psutil.wait_procs(services, timeout=20)
    assert not alive
    system.master.wait()
    system.start()
    system.send("me@example.com", ["alice@inbox.example"], MESSAGE)
    wait_for(lambda: system.mailbox("alice"), 20, "mail after a new start")


# -------------------------------------------------------------------------------- disk and messages


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.root
def test_a_full_disk_refuses_mail_for_now_and_recovers_by_itself(
    tmp_path: Path, small_disk: Path
) -> None:
    blackhole = free_port()
    settings = {
        "relayhost": f"[127.0.0.1]:{blackhole}",
        "minimal_backoff_time": "300s",
        "notify_classes": "",  # no letters about the refusals
    }
    system = MailSystem(small_disk, settings)
    with system:
        system.send("me@example.com", ["waiting@outside.example"], MESSAGE)
        system.wait_for_log("status=deferred")
        ballast = small_disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb") as file:
            for _ in range(24 * 16):
                file.write(b"x" * (MEGABYTE // 16))
                file.flush()
        refusals = {_try_to_send(system) for _ in range(20)}
        assert refusals <= {250, 451, 452}
        assert 452 in refusals
        pids = {process.pid for process in system.processes()}
        ballast.unlink()
        wait_for(lambda: _try_to_send(system) == 250, 30, "mail taken again")
        wait_for(lambda: system.mailbox("alice"), 30, "mail delivered again")
        assert system.master.pid in pids
        assert system.read("PRAGMA integrity_check") == [("ok",)]
        queued = [message["queue_name"] for message in system.queued()]
        assert queued == ["deferred"]


def test_too_little_room_on_the_disk_is_told_before_the_message_is_sent(tmp_path: Path) -> None:
    with MailSystem(tmp_path, {"queue_minfree": str(1 << 60)}) as system:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            system.send("me@example.com", ["alice@inbox.example"], MESSAGE)
        assert refused.value.smtp_code == 452
        assert refused.value.smtp_error.startswith(b"4.3.1")


@pytest.mark.parametrize(
    ("damage", "table"),
    [
        ("UPDATE message SET sender = CAST(x'FFFE41' AS TEXT) WHERE message_id = ?", "message"),
        ("DELETE FROM content WHERE message_id = ?", "content"),
        ("DELETE FROM recipient WHERE message_id = ?", "recipient"),
    ],
)
def test_a_message_that_cannot_be_read_goes_aside_and_all_others_flow(
    tmp_path: Path, damage: str, table: str
) -> None:
    blackhole = f"[127.0.0.1]:{free_port()}"
    with (
        Receiver(tmp_path / "taken") as receiver,
        MailSystem(tmp_path, {"relayhost": blackhole}) as system,
    ):
        system.send("me@example.com", ["waiting@outside.example"], MESSAGE)
        ((message_id,),) = wait_for(
            lambda: system.read("SELECT message_id FROM deferred"), 30, "the message deferred"
        )
        system.stop()
        spool = apsw.Connection(str(system.queue / "spool.db"))
        spool.execute(damage, (message_id,))
        spool.close()
        system.configure({**system.settings, "relayhost": f"[127.0.0.1]:{receiver.port}"})
        system.start()
        system.run("postqueue", "-f")
        for number in range(5):
            system.send(
                "me@example.com", ["alice@inbox.example"], f"Subject: {number}\r\n\r\nx\r\n"
            )
        wait_for(lambda: len(system.mailbox("alice")) == 5, 30, "all other mail")
        question = "SELECT reason FROM corrupt"
        ((reason,),) = wait_for(lambda: system.read(question), 30, f"a row in corrupt\n{table}")
        assert reason
        assert len(system.processes()) > 4


@pytest.mark.slow
def test_a_large_message_makes_no_process_grow(tmp_path: Path) -> None:
    settings = {"message_size_limit": "200000000", "virtual_mailbox_limit": "0"}
    with MailSystem(tmp_path, settings, executed=True) as system:
        system.send("me@example.com", ["alice@inbox.example"], MESSAGE)
        wait_for(lambda: system.mailbox("alice"), 20, "a small message first")
        before = _private_memory(system)
        most = dict(before)
        line = b"x" * 98 + b"\r\n"
        with system.client() as client:
            client.ehlo()
            client.mail("me@example.com")
            client.rcpt("alice@inbox.example")
            client.docmd("DATA")
            client.send(b"Subject: large\r\n\r\n")
            for _ in range(100):
                client.sock.sendall(line * 10_000)
                _note_most(most, _private_memory(system))
            client.send(b".\r\n")
            assert client.getreply()[0] == 250
        folder = system.queue / "mail" / "inbox.example" / "alice" / "new"
        deadline = time.monotonic() + 60
        while len(list(folder.iterdir())) < 2 and time.monotonic() < deadline:
            _note_most(most, _private_memory(system))
            time.sleep(0.02)
        large = max(path.stat().st_size for path in folder.iterdir())
        assert large > 99_000_000
        fresh = min(before.values())
        growth = {pid: (most[pid] - before.get(pid, fresh)) / MEGABYTE for pid in most}
        assert max(growth.values()) < 20, growth


def _banner(system: MailSystem) -> bytes:
    with socket.create_connection(("127.0.0.1", system.port), timeout=10) as connection:
        return connection.recv(1000).strip()


def _try_to_send(system: MailSystem) -> int:
    """Return the code that the message met."""
    try:
        system.send("me@example.com", ["alice@inbox.example"], MESSAGE + "x" * 200_000 + "\r\n")
    except smtplib.SMTPResponseException as error:
        return int(error.smtp_code)
    except smtplib.SMTPRecipientsRefused as error:
        return int(next(iter(error.recipients.values()))[0])
    return 250


def _private_memory(system: MailSystem) -> dict[int, int]:
    """Return the private bytes of every process."""
    memory = {}
    for process in system.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            memory[process.pid] = int(process.memory_full_info().uss)
    return memory


def _note_most(most: dict[int, int], now: dict[int, int]) -> None:
    for pid, used in now.items():
        most[pid] = max(most.get(pid, 0), used)
