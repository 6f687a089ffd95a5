"""The native command as a whole: its help, its errors, its documentation."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from spoolmta.cli.spoolmta import exit_status, main
from spoolmta.cli.verbs import app
from spoolmta.errors import ConfigError, SpoolBusy, SpoolUnusable, UsageError
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run

BIN = Path(sys.executable).parent
DOCUMENT = Path(__file__).parents[3] / "docs" / "commands.md"
HEAVY = ("apsw", "psutil", "aiosmtpd", "msgspec", "uvloop", "dns", "asyncio")


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['spoolmta', '--help']\n"
        "from spoolmta.cli.spoolmta import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().split("\n")[-1] == "[]"


def test_the_master_carries_no_command_line_library() -> None:
    code = (
        "import sys; sys.argv = ['spoolmta', '-c', '/nonexistent', 'serve']\n"
        "from spoolmta.cli.spoolmta import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, 'typer' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "78 False"


def test_every_verb_stands_in_a_section_of_the_help_with_a_whole_sentence(run: Run) -> None:
    told = run(app, "--help").out
    for name in get_command(app).commands:  # type: ignore[attr-defined]
        line = re.search(rf"^  {name}  +(\S.*)$", told, re.MULTILINE)
        assert line is not None, name
        assert line[1].endswith((".", "?")), line[1]
        assert not line[1].endswith("..."), line[1]


@pytest.mark.parametrize("arguments", [("--help",), ("queue", "-h"), ("trace", "--help")], ids=str)
def test_help_is_printed(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run(main, *arguments)
    assert ended.status == 0
    assert ended.out.lstrip().startswith("Usage: spoolmta")


def test_a_wrong_option_is_a_usage_error(run: Run) -> None:
    assert run(main, "queue", "list", "--no-such-option").status == 2


def test_the_configuration_may_be_named_by_the_environment(
    sample: SampleSpool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_CONFIG", str(sample.configuration))
    assert run(main, "queue", "list", "--state", "hold").out.count("\n") == 2


def test_a_missing_configuration_is_named(run: Run) -> None:
    ended = run(main, "-c", "/nonexistent", "queue", "list")
    assert ended.status == 78
    assert ended.err.startswith("spoolmta: open /nonexistent/main.cf: No such file")


def test_a_missing_spool_is_said_with_what_to_do(sample: SampleSpool, run: Run) -> None:
    sample.path.unlink()
    ended = run(main, "-c", sample.configuration, "queue", "list")
    assert ended.status == 69
    assert "there is no spool in" in ended.err
    assert "spoolmta serve" in ended.err


@pytest.mark.root
def test_root_becomes_mail_owner_before_the_spool_is_opened(sample: SampleSpool) -> None:
    main_cf = sample.configuration / "main.cf"
    main_cf.write_text(main_cf.read_text().replace("mail_owner = root", "mail_owner = nobody"))
    done = subprocess.run(
        [BIN / "spoolmta", "-c", sample.configuration, "queue", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 69
    assert "belongs to nobody: run this as that user or as root" in done.stderr


def test_versions_are_printed(run: Run) -> None:
    assert set(json.loads(run(main, "version", "--json").out)) == {"spoolmta", "sqlite", "python"}
    for words in (("version",), ("--version",)):
        assert run(main, *words).out.startswith("spoolmta ")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("x"), 2),
        (SpoolUnusable("x"), 69),
        (SpoolBusy("x"), 75),
        (ConfigError("x"), 78),
    ],
    ids=["usage", "no spool", "busy", "configuration"],
)
def test_the_exit_status_tells_the_kind_of_failure(error: UsageError, status: int) -> None:
    assert exit_status(error) == status


def test_a_reader_that_has_seen_enough_is_no_error(sample: SampleSpool) -> None:
    command = f"{BIN}/spoolmta -c {sample.configuration} queue list | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_every_verb_and_option_is_documented() -> None:
    """Options of the native command stand in docs/commands.md under their verb."""
    text = DOCUMENT.read_text()
    missing = []
    for verb, command in _verbs(get_command(app), "spoolmta"):
        if f"`{verb}" not in text:
            missing.append(verb)
        for parameter in command.params:
            options = [name for name in parameter.opts if name.startswith("--")]
            if (
                options
                and options != ["--help"]
                and not any(re.search(rf"{re.escape(name)}\b", text) for name in options)
            ):
                missing.append(f"{verb} {options[0]}")
    assert not missing


def _verbs(command: object, name: str) -> list[tuple[str, object]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(name, command)]
    return [found for key, value in inner.items() for found in _verbs(value, f"{name} {key}")]
