"""postfix(1) of Postfix's and of ours, down and up: exit status, and what goes to the mail log.

Standard error is no terminal here, where Postfix says nothing; ours repeats what is fatal. What
`check` finds, and what an upgrade edits, is each one's own.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.forked import BIN
from tests.support.mail_system import MailSystem, wait_for
from tests.support.oracle import needs_postfix
from tests.support.postfix_oracle import PostfixOracle, is_installed, program

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

NOBODY = 65534
Said = tuple[int, list[str]]
_SCRIPT = re.compile(r" postfix/postfix-script\[\d+\]: (.*)")


class Side:
    """One of the two, and its postfix command."""

    def __init__(self, system: PostfixOracle | MailSystem, command: str) -> None:
        self.system = system
        self._command = command

    def run(self, *words: str, uid: int = 0) -> tuple[int, int]:
        """Run it; return its status, and how long the log was before."""
        before = len(self.system.log())
        become = ("setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups")
        done = subprocess.run(
            [*(become if uid else ()), self._command, *words],
            capture_output=True,
            text=True,
            env={**os.environ, "MAIL_CONFIG": str(self.system.configuration)},
            timeout=90,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, before

    def said(self, after: int) -> list[str]:
        """Return what the command wrote to the log."""
        found = _SCRIPT.findall(self.system.log()[after:])
        return [re.sub(r"PID: \d+", "PID: N", text) for text in found]

    def starts_told(self) -> int:
        """Return how many starts the master has written to the log."""
        return self.system.log().count("daemon started")


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    with TemporaryDirectory(prefix="postfix-command-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        (root / "ours").mkdir(mode=0o755)
        postfix = PostfixOracle(root / "postfix", {})
        ours = MailSystem(root / "ours", {"mail_owner": "postfix"})
        both = Side(postfix, program("postfix")), Side(ours, str(BIN / "postfix"))
        try:
            yield both
        finally:
            for side in both:
                side.run("abort")


def same(sides: tuple[Side, Side], *words: str, uid: int = 0) -> Said:
    """Ask both, and compare, once a service has written what they gave it for the log."""
    postfix, ours = sides
    (status, ours_before), (theirs, before) = (one.run(*words, uid=uid) for one in (ours, postfix))
    assert status == theirs, words
    wait_for(lambda: ours.said(ours_before) == postfix.said(before), 20, f"the same log of {words}")
    return status, ours.said(ours_before)


@pytest.mark.timeout(240)
def test_the_command_says_and_logs_the_same_whether_it_runs_or_not(
    sides: tuple[Side, Side],
) -> None:
    for words in ((), ("nonsense",), ("status",), ("stop",), ("abort",), ("reload",)):
        assert same(sides, *words)[0] == 1
    assert same(sides, "flush")[0] == 69
    assert same(sides, "set-permissions")[0] == 0
    assert [side.run("upgrade-configuration")[0] for side in sides] == [0, 0]
    assert [side.run("check")[0] for side in sides] == [0, 0]
    assert same(sides, "start", uid=NOBODY)[0] == 1
    assert same(sides, "start") == (0, ["starting the Postfix mail system"])
    assert same(sides, "start")[0] == 1
    for verb in ("status", "flush", "set-permissions", "reload"):
        assert same(sides, verb)[0] == 0
    for verb in ("reload", "stop", "abort", "set-permissions"):
        assert same(sides, verb, uid=NOBODY) == (1, [])
    assert same(sides, "status") == (0, ["the Postfix mail system is running: PID: N"])
    assert same(sides, "stop")[0] == 0
    assert same(sides, "start")[0] == 0
    # What Postfix's abort gives its postlogd for the log is lost while that only begins to run.
    for side in sides:
        wait_for(lambda side=side: side.starts_told() == 2, 20, "a log of the second start")
    assert same(sides, "abort") == (0, ["aborting the Postfix mail system"])
    assert same(sides, "status")[0] == 1
