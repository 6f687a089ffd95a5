"""postfix starts, shows, reloads and stops a real mail system of a few services."""

import gzip
import os
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from spoolmta.cli.postfix import main
from spoolmta.cli.running import master_pid
from tests.support import forked
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run

SERVICES = "qmgr unix n - n 300 1 qmgr\nshowq unix n - n - - showq\n"

Postfix = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def postfix(sample: SampleSpool) -> Iterator[Postfix]:
    """Run the command as a user does; whatever runs at the end is ended."""
    (sample.configuration / "master.cf").write_text(SERVICES)
    sample.close()

    def postfix(*arguments: str) -> "subprocess.CompletedProcess[str]":
        words = ("postfix", "-c", sample.configuration, *arguments)
        done = forked.run(words, environment=os.environ, timeout=60)
        out, err = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    yield postfix
    postfix("abort")


def log_of(sample: SampleSpool) -> str:
    return (sample.queue / "maillog").read_text()


def test_a_mail_system_starts_and_stops(sample: SampleSpool, postfix: Postfix) -> None:
    started = postfix("start")
    assert (started.returncode, started.stderr) == (0, "")
    pid = master_pid(sample.queue / "pid")
    assert pid is not None
    assert os.getsid(pid) == pid
    assert postfix("status").returncode == 0
    assert postfix("stop").returncode == 0
    assert master_pid(sample.queue / "pid") is None
    assert "postfix/postfix-script[" in log_of(sample)
    assert "]: starting the Postfix mail system\n" in log_of(sample)
    assert "]: stopping the Postfix mail system\n" in log_of(sample)


def test_a_second_start_is_refused(postfix: Postfix) -> None:
    postfix("start")
    again = postfix("start")
    assert again.returncode == 1
    assert again.stderr == (
        "postfix/postfix-script: fatal: the Postfix mail system is already running\n"
    )


def test_a_running_system_answers_its_commands(sample: SampleSpool, postfix: Postfix) -> None:
    postfix("start")
    words = ("postqueue", "-c", sample.configuration, "-p")
    listed = forked.run(words, environment=os.environ)
    assert (listed.returncode, listed.stderr) == (0, b"")
    assert listed.stdout.endswith(b"-- 0 Kbytes in 5 Requests.\n")
    assert postfix("flush").returncode == 0
    assert postfix("reload").returncode == 0
    _wait_for(lambda: "]: reload -- version" in log_of(sample))


def test_abort_ends_every_process_at_once(sample: SampleSpool, postfix: Postfix) -> None:
    postfix("start")
    assert postfix("abort").returncode == 0
    assert master_pid(sample.queue / "pid") is None


def test_what_prevents_the_start_is_seen(sample: SampleSpool, postfix: Postfix) -> None:
    with (sample.configuration / "main.cf").open("a") as main_cf:
        main_cf.write("mail_owner = nobody-has-this-name\n")
    started = postfix("start")
    assert started.returncode == 1
    assert "nobody-has-this-name: there is no such user" in started.stderr
    assert started.stderr.endswith("mail system startup failed (the mail log says why)\n")


@pytest.mark.parametrize("verb", ["stop", "abort", "reload"])
def test_what_does_not_run_cannot_be_stopped(sample: SampleSpool, run: Run, verb: str) -> None:
    ended = run(main, "-c", sample.configuration, verb)
    assert ended.status == 1
    assert ended.err == "postfix/postfix-script: fatal: the Postfix mail system is not running\n"


def test_the_status_of_a_stopped_system(sample: SampleSpool, run: Run) -> None:
    assert run(main, "-c", sample.configuration, "status").status == 1
    assert "]: the Postfix mail system is not running\n" in log_of(sample)


@pytest.mark.parametrize("arguments", [("foo",), ()], ids=str)
def test_an_unknown_verb_shows_those_there_are(
    sample: SampleSpool, run: Run, arguments: tuple[str, ...]
) -> None:
    ended = run(main, "-c", sample.configuration, *arguments)
    assert ended.status == 1
    said = f"fatal: unknown command: '{''.join(arguments)}'. Usage: postfix start (or stop, reload,"
    assert said in ended.err


def test_an_unknown_option_shows_the_usage(run: Run) -> None:
    ended = run(main, "-x")
    assert ended.status == 1
    assert ended.err == (
        "postfix: invalid option -- 'x'\n"
        "postfix: fatal: usage: postfix [-c config_dir] [-Dv] command\n"
    )


def test_versions_are_printed(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "version")
    assert ended.out.startswith("spoolmta ")
    assert "mail_version" in ended.out


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_log_is_put_away_and_goes_on_in_a_new_file(
    sample: SampleSpool, postfix: Postfix
) -> None:
    main_cf = sample.configuration / "main.cf"
    main_cf.write_text(main_cf.read_text() + "maillog_file_rotate_suffix = old\n")
    assert postfix("start").returncode == 0
    rotated = postfix("logrotate")
    assert (rotated.returncode, rotated.stderr) == (0, "")
    old = gzip.decompress((sample.queue / "maillog.old.gz").read_bytes()).decode()
    assert "starting the Postfix mail system" in old
    assert "reload" in log_of(sample)
    assert "starting the Postfix mail system" not in log_of(sample)
    assert postfix("stop").returncode == 0


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("maillog_file =", "empty 'maillog_file' parameter value - logfile rotation failed"),
        ("maillog_file = /dev/stdout", "'maillog_file' is no file: '/dev/stdout' - logfile"),
        ("maillog_file_compressor = false", "maillog' rotation failed: "),
        ("maillog_file_compressor = /nosuch", "rotation failed: No such file or directory"),
    ],
)
def test_a_log_that_cannot_be_put_away(
    sample: SampleSpool, postfix: Postfix, setting: str, text: str
) -> None:
    main_cf = sample.configuration / "main.cf"
    (sample.queue / "maillog").write_text("a line\n")
    prefixes = f"maillog_file_prefixes = {sample.queue} /dev/stdout\n"
    main_cf.write_text(f"{main_cf.read_text()}{prefixes}{setting}\n")
    rotated = postfix("logrotate")
    assert rotated.returncode == 1
    assert text in rotated.stderr


def test_what_is_asked_wrongly_is_told(postfix: Postfix) -> None:
    said = postfix("logrotate", "x")
    assert (said.returncode, "fatal: usage postfix logrotate (no arguments)" in said.stderr) == (
        1,
        True,
    )
    assert "fatal: there is no TLS yet" in postfix("tls", "enable-client").stderr
