import os
from pathlib import Path

import pytest

from spoolmta.agents import command
from spoolmta.agents.command import Command, Ending
from spoolmta.agents.result import Result


def _run(line: str, *, text: bytes = b"", shell: str = "", limit: float = 20.0) -> Result:
    message = os.memfd_create("message")
    os.write(message, text)
    os.lseek(message, 0, os.SEEK_SET)
    try:
        environment = {"PATH": command.DEFAULT_PATH, "SENDER": "s@x"}
        return command.run(Command(line, shell, environment, "", limit), message)
    finally:
        os.close(message)


def test_a_command_gets_the_message_and_its_success_is_a_delivery(tmp_path: Path) -> None:
    line = f"cat > {tmp_path}/out"
    assert _run(line, text=b"Subject: x\n\n") == ("2.0.0", f"delivered to command: {line}", "")
    assert (tmp_path / "out").read_bytes() == b"Subject: x\n\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("exit 64", ("5.3.0", "command line usage error")),
        ("exit 65", ("5.6.0", "data format error")),
        ("exit 66", ("5.3.0", "cannot open input")),
        ("exit 67", ("5.1.1", "user unknown")),
        ("exit 68", ("5.1.2", "host name unknown")),
        ("exit 69", ("5.3.0", "service unavailable")),
        ("exit 70", ("5.3.0", "internal software error")),
        ("exit 71", ("4.3.0", "system resource problem")),
        ("exit 72", ("5.3.0", "critical OS file missing")),
        ("exit 73", ("5.2.0", "can't create user output file")),
        ("exit 74", ("5.3.0", "input/output error")),
        ("exit 75", ("4.3.0", "temporary failure")),
        ("exit 76", ("5.5.0", "remote error in protocol")),
        ("exit 77", ("5.7.0", "permission denied")),
        ("exit 78", ("5.3.5", "local configuration error")),
        ("exit 1", ("5.3.0", 'Command died with status 1: "exit 1"')),
        ("/bin/false", ("5.3.0", 'Command died with status 1: "/bin/false"')),
        ("kill -9 $$", ("4.3.0", 'Command died with signal 9: "kill -9 $$"')),
        ("echo oh no; exit 65", ("5.6.0", "data format error. Command output: oh no ")),
        ("echo 5.7.9 go away; exit 1", ("5.7.9", "go away ")),
        ("echo 4.2.2 full; exit 65", ("4.2.2", "full ")),
        (
            "echo 2.2.2 full; exit 65",
            ("5.6.0", "data format error. Command output: 2.2.2 full "),
        ),
    ],
)
def test_the_exit_status_says_what_became_of_the_message(
    line: str, expected: tuple[str, str]
) -> None:
    result = _run(line)
    assert (result.dsn, result.reason) == expected


def test_a_program_that_is_not_there_may_come_back() -> None:
    result = _run("/nonexistent/program x")
    assert result.dsn == "4.3.0"
    assert "No such file or directory" in result.reason


def test_a_command_that_takes_too_long_is_killed_with_its_children() -> None:
    result = _run("sleep 60 & sleep 60; true", limit=0.3)
    assert result == (
        "5.3.0",
        'Command time limit exceeded: "sleep 60 & sleep 60; true"',
        "internal software error",
    )


def test_output_that_stays_open_counts_as_running() -> None:
    assert _run("sleep 60 & exit 0", limit=0.3).dsn == "5.3.0"


def test_a_closed_output_does_not_end_the_wait() -> None:
    line = "exec >/dev/null 2>&1; sleep 0.2; exit 75"
    assert _run(line).dsn == "4.3.0"


def test_much_output_is_read_and_little_kept() -> None:
    result = _run("seq 1 100000; exit 65")
    assert len(result.reply) <= command.OUTPUT_BYTES
    assert result.reply.startswith("1 2 3 ")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/usr/bin/procmail -a x", ["/usr/bin/procmail", "-a", "x"]),
        (
            '/usr/bin/procmail -a "$EXTENSION"',
            ["sh", "-c", '/usr/bin/procmail -a "$EXTENSION"'],
        ),
        ("exit 67", ["sh", "-c", "exit 67"]),
        ("a | b", ["sh", "-c", "a | b"]),
        ("a=b prog", ["sh", "-c", "a=b prog"]),
    ],
)
def test_a_shell_runs_only_what_needs_one(line: str, expected: list[str]) -> None:
    assert command.arguments(line, "") == expected


def test_a_configured_shell_runs_everything() -> None:
    assert command.arguments("prog x", "/usr/lib/smrsh -c") == ["/usr/lib/smrsh", "-c", "prog x"]


def test_what_a_shell_could_understand_is_taken_out_of_values() -> None:
    allowed = "abcs@.x"
    values = command.environment({"SENDER": "a$b`c@x.s", "EXTENSION": ""}, "", allowed)
    assert values == {"PATH": command.DEFAULT_PATH, "SENDER": "a_b_c@x.s", "EXTENSION": ""}


def test_only_named_variables_of_ours_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("SECRET", "x")
    assert command.environment({}, "TZ, LANG=C UNSET", "") == {
        "PATH": command.DEFAULT_PATH,
        "TZ": "UTC",
        "LANG": "C",
    }


def test_control_characters_of_the_output_reach_no_log() -> None:
    assert "\x1b" not in command.judge(Ending(65, "a\tb"), "x").reason
    assert "\x1b" not in _run("printf 'a\\033[1mb'; exit 65").reason
