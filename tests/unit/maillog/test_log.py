import os
import re
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.clock import ManualClock
from spoolmta.config.loader import from_text
from spoolmta.errors import ConfigError
from spoolmta.maillog import MailLog
from spoolmta.maillog.targets import FileTarget, NoTarget, StreamTarget, SyslogTarget

NOON = 1_800_000_000.0


def open_log(path: Path, main: str = "") -> MailLog:
    settings = f"myhostname = mx.example.com\nmaillog_file = {path}\nmaillog_file_prefixes = /\n"
    return MailLog.open(from_text(settings + main), "smtpd", clock=ManualClock(NOON))


def stamp() -> str:
    now = time.localtime(NOON)
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[now.tm_mon * 3 - 3 : now.tm_mon * 3]
    return f"{month} {now.tm_mday:2d} {now.tm_hour:02d}:{now.tm_min:02d}:{now.tm_sec:02d}"


def test_a_line_has_time_host_tag_and_process_id(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    log.info("connect from a[192.0.2.1]")
    log.close()
    expected = f"{stamp()} mx postfix/smtpd[{os.getpid()}]: connect from a[192.0.2.1]\n"
    assert (tmp_path / "log").read_text() == expected


def test_levels_are_prefixes(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    for write in (log.warning, log.error, log.fatal, log.panic):
        write("x")
    texts = [line.split("]: ")[1] for line in (tmp_path / "log").read_text().split("\n")[:-1]]
    assert texts == ["warning: x", "error: x", "fatal: x", "panic: x"]


def test_syslog_name_and_overrides_make_the_tag(tmp_path: Path) -> None:
    settings = f"maillog_file = {tmp_path}/log\nmaillog_file_prefixes = /\n"
    configuration = from_text(settings + "multi_instance_name = postfix-2")
    for overrides in ({}, {"syslog_name": "postfix/relay"}):
        log = MailLog.open(configuration, "smtp", overrides)
        log.info("x")
        log.close()
    tags = re.findall(r" (\S+)\[[0-9]+\]: x", (tmp_path / "log").read_text())
    assert tags == ["postfix-2/smtp", "postfix/relay/smtp"]


def test_lines_wait_for_a_flush_but_not_for_ever(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    log.info("one")
    assert (tmp_path / "log").read_text() == ""
    for _ in range(63):
        log.info("more")
    assert (tmp_path / "log").read_text().count("\n") == 64


def test_the_time_of_a_line_is_the_time_it_was_logged(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    log = open_log(tmp_path / "log")
    log._clock = clock
    log.info("one")
    clock.jump(1)
    log.info("two")
    log.close()
    first, second = (tmp_path / "log").read_text().split("\n")[:2]
    assert first[:15] != second[:15]


def test_letters_stay_joined(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    log.info("to=<j\u200dk@x>\u202e")
    log.close()
    assert (tmp_path / "log").read_text().endswith("]: to=<j\u200dk@x>?\n")


def test_no_text_makes_a_second_line(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    log.info("a\r\nb\tc\x00d\x1b\x7f\x85\u2028é\udcff")
    log.close()
    assert (tmp_path / "log").read_text().endswith("]: a??b?c?d????é?\n")


@given(text=st.text(max_size=3000))
def test_any_text_is_one_line_of_limited_length(text: str) -> None:
    class Collector(NoTarget):
        def write(self, lines: list[bytes]) -> list[bytes]:
            written.extend(lines)
            return []

    written: list[bytes] = []
    log = MailLog(Collector(), "postfix/x", "h")
    log.info(text)
    log.flush()
    (line,) = b"".join(written).decode().split("]: ", 1)[1:]
    assert line.endswith("\n")
    assert len(line.splitlines()) <= 1
    assert len(line) <= 2001


def test_a_rotated_file_is_opened_afresh(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    log.info("one")
    log.flush()
    (tmp_path / "log").rename(tmp_path / "old")
    log.reopen()
    log.info("two")
    log.close()
    assert "one" in (tmp_path / "old").read_text()
    assert "two" in (tmp_path / "log").read_text()


def test_a_file_that_cannot_be_opened_costs_nothing_but_lines(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    log = open_log(folder / "log")
    log.info("one")
    log.flush()
    folder.mkdir()
    log.info("two")
    log.close()
    text = (folder / "log").read_text()
    assert text.index("one") < text.index("two")


def test_what_is_lost_while_the_target_is_down_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    log = open_log(folder / "log")
    for _ in range(2000):
        log.info("x" * 1900)
    log.flush()
    folder.mkdir()
    log.flush()
    log.close()
    text = (folder / "log").read_text()
    lost = re.search(r"warning: ([0-9]+) log lines were lost", text)
    assert lost is not None
    assert int(lost[1]) + text.count("xxx\n") == 2000


def test_a_log_file_is_made_with_the_permissions_that_are_set(tmp_path: Path) -> None:
    open_log(tmp_path / "a").close()
    open_log(tmp_path / "b", "maillog_file_permissions = 0644\n").close()
    modes = [oct((tmp_path / name).stat().st_mode & 0o777) for name in "ab"]
    assert modes == ["0o600", "0o644"]


def test_a_stalled_reader_of_a_pipe_blocks_nobody() -> None:
    reader, writer = os.pipe()
    log = MailLog(StreamTarget(writer), "postfix/x", "h")
    for number in range(1000):
        log.info(f"{number} " + "x" * 100)
    log.flush()
    received = b""
    while len(received) < 1000 * 100:
        received += os.read(reader, 1 << 20)
        log.flush()
    os.close(writer)
    while data := os.read(reader, 1 << 20):
        received += data
    os.close(reader)
    numbers = [int(n) for n in re.findall(rb"\]: ([0-9]+) x", received)]
    assert numbers == list(range(1000))


def test_a_closed_pipe_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = MailLog(StreamTarget(writer), "postfix/x", "h")
    log.info("x")
    log.close()
    os.close(writer)


def test_syslog_gets_a_datagram_per_line_with_facility_and_level(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        log = MailLog(SyslogTarget(str(tmp_path / "log")), "postfix/qmgr", "h", facility=2)
        log._clock = ManualClock(NOON)
        log.info("one")
        log.warning("two")
        log.close()
        tag = f"{stamp()} postfix/qmgr[{os.getpid()}]:"
        assert daemon.recv(2000).decode() == f"<22>{tag} one"
        assert daemon.recv(2000).decode() == f"<20>{tag} warning: two"


def test_a_syslog_daemon_that_comes_back_gets_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = MailLog(SyslogTarget(str(path)), "postfix/qmgr", "h")
    log.info("one")
    log.flush()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(path))
        log.info("two")
        log.close()
        assert [daemon.recv(2000).decode()[-3:] for _ in range(2)] == ["one", "two"]


def test_a_file_outside_the_prefixes_is_refused() -> None:
    with pytest.raises(ConfigError, match="maillog_file value '/x/log' does not match any prefix"):
        MailLog.open(from_text("maillog_file = /x/log"), "smtpd")


def test_an_unknown_facility_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown syslog_facility value: post"):
        MailLog.open(from_text("syslog_facility = post"), "smtpd")


def test_a_command_does_not_log_to_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for settings in ("", "maillog_file = /dev/stdout"):
        log = MailLog.open(from_text(settings), "sendmail", command=True)
        assert isinstance(log._target, NoTarget)
    settings = f"maillog_file = {path}\nmaillog_file_prefixes = /"
    log = MailLog.open(from_text(settings), "sendmail", command=True)
    assert isinstance(log._target, FileTarget)
    log.close()
    assert isinstance(MailLog.open(from_text(""), "smtpd")._target, StreamTarget)
