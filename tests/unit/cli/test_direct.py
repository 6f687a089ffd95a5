"""What is answered without typer is answered as typer would have it."""

import subprocess
import sys

import pytest

from spoolmta.cli import direct, verbs
from spoolmta.clock import SystemClock
from spoolmta.errors import UsageError
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Ended, Run

PLAIN = (
    ("status",),
    ("queue", "list"),
    ("queue", "list", "--limit", "2"),
    ("queue", "list", "--json", "--limit", "3"),
    ("queue", "hold", "--sender", "nobody@y.example", "--yes"),
    ("queue", "release", "--state", "hold", "--sender", "*@nowhere.example", "-y", "--json"),
    ("queue", "delete", "--where", "size > 1000000000", "--yes"),
)


@pytest.fixture
def by_typer(sample: SampleSpool, run: Run) -> Run:
    def by_typer(*arguments: str) -> Ended:
        return run(verbs.app, "-c", sample.configuration, *arguments)

    return by_typer


@pytest.fixture
def standing_clock(sample: SampleSpool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both answers are given in one moment: ages are part of them."""
    moment = sample.clock.now()
    monkeypatch.setattr(SystemClock, "now", lambda _: moment)


@pytest.mark.parametrize("arguments", PLAIN)
def test_a_plain_command_line_is_answered_as_by_typer(
    sample: SampleSpool,
    by_typer: Run,
    capsys: pytest.CaptureFixture[str],
    standing_clock: None,
    arguments: tuple[str, ...],
) -> None:
    expected = by_typer(*arguments)
    status = direct.run(["-c", str(sample.configuration), *arguments])
    out, err = capsys.readouterr()
    assert (status, out, err) == (expected.status, expected.out, expected.err)


@pytest.mark.parametrize("words", [[], ["ALL", "--sender", "a@y.example"], ["--state", "none"]])
def test_a_plain_verb_that_means_no_messages_is_refused(
    sample: SampleSpool, words: list[str]
) -> None:
    line = ["-c", str(sample.configuration), "queue", "delete", *words, "--yes"]
    with pytest.raises(UsageError):
        direct.run(line)
    with pytest.raises(UsageError):
        verbs.app(line, standalone_mode=False)


def test_a_verb_that_is_plain_is_done_as_by_typer(
    sample: SampleSpool, capsys: pytest.CaptureFixture[str]
) -> None:
    def places() -> dict[str, int]:
        text = "SELECT state, messages FROM v1_states"
        return dict(sample.spool._connection.execute(text).fetchall())

    before = places()
    plain = ["--sender", "*", "--state", "deferred", "--yes"]
    assert direct.run(["-c", str(sample.configuration), "queue", "hold", *plain]) == 0
    assert "put on hold (spoolmta undo" in capsys.readouterr().out
    held = places()
    assert (held["deferred"], held["hold"]) == (0, before["hold"] + before["deferred"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["queue", "list", "--sender", "a@news.example"],
        ["queue", "hold", "--sender", "a@news.example"],
        ["queue", "hold", "--sender", "a@news.example", "--yes", "--because", "spam"],
        ["queue", "delete", "--older-than", "2h", "--yes"],
        ["queue", "delete", "--yes", "--sender"],
        ["queue", "release", "--help"],
        ["queue", "list", "--limit", "many"],
        ["status", "--help"],
        ["queue", "show", "1"],
        [],
        ["-c"],
    ],
)
def test_what_is_not_plain_is_for_typer(arguments: list[str]) -> None:
    assert direct.run(arguments) is None


@pytest.mark.parametrize("arguments", [("status",), ("queue", "list"), ("why", "1AC169CD4004000")])
def test_what_is_answered_at_once_imports_nothing_heavy(
    sample: SampleSpool, arguments: tuple[str, ...]
) -> None:
    heavy = ("typer", "asyncio", "msgspec", "ssl", "uvloop", "dns")
    code = (
        f"import sys; sys.argv = {['spoolmta', '-c', str(sample.configuration), *arguments]!r}\n"
        "from spoolmta.cli.spoolmta import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().split("\n")[-1] == "[]"
