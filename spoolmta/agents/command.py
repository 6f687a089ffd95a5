"""Programs that take a message: run one, and tell by its end what became of the message.

The message is the program's standard input; the first of what it prints is kept for the sender's
notice. A program is run as it stands, without a shell, unless its command line has characters or
words that only a shell understands. Whoever calls this is already the user that the program runs
as (recipient_user).

Postfix:    global/pipe_command.c, util/exec_command.c, global/sys_exits.c; local(8), pipe(8)
Parameters: command_time_limit, local_command_shell, export_environment, command_expansion_filter
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from spoolmta.agents.result import Result
from spoolmta.config.environment import let_through

# Standard error and output are one stream; what is longer is read and forgotten.
OUTPUT_BYTES = 4096
DEFAULT_PATH = "/usr/bin:/bin"

_READ_BYTES = 4096
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890!@%-_=+:,./ \t")
_SHELL_WORDS = frozenset(
    {
        *(".", ":", "alias", "bg", "break", "case", "cd", "command", "continue"),
        *("do", "done", "elif", "else", "esac", "eval", "exec", "exit", "export"),
        *("fg", "fi", "for", "getopts", "hash", "if", "in", "jobs", "read"),
        *("readonly", "return", "set", "shift", "then", "times", "trap", "type", "ulimit"),
        *("umask", "unalias", "unset", "until", "wait", "while", "{", "}", "!"),
    }
)
_BLANKS = {ord("\n"): " ", ord("\t"): " "}
_SIGNALLED = "Command died with signal {number}: "
_NO_SYSEXIT = "Command died with status {number}: "
_SYSEXITS = {
    64: ("5.3.0", "command line usage error"),
    65: ("5.6.0", "data format error"),
    66: ("5.3.0", "cannot open input"),
    67: ("5.1.1", "user unknown"),
    68: ("5.1.2", "host name unknown"),
    69: ("5.3.0", "service unavailable"),
    70: ("5.3.0", "internal software error"),
    71: ("4.3.0", "system resource problem"),
    72: ("5.3.0", "critical OS file missing"),
    73: ("5.2.0", "can't create user output file"),
    74: ("5.3.0", "input/output error"),
    75: ("4.3.0", "temporary failure"),
    76: ("5.5.0", "remote error in protocol"),
    77: ("5.7.0", "permission denied"),
    78: ("5.3.5", "local configuration error"),
}


class Command(msgspec.Struct, frozen=True):
    """A command line and how it is run.

    *shell* is a program that runs it in place of the system's ("" for that); *folder* is where it
    begins, "" for where the process is; *time_limit* in seconds. If there are *words*, they are
    what is run, and *line* only names it.
    """

    line: str
    shell: str
    environment: dict[str, str]
    folder: str
    time_limit: float
    words: tuple[str, ...] = ()


class Ending(msgspec.Struct, frozen=True):
    """How a command ended: exit status, or minus the signal; None if its time was up."""

    status: int | None
    output: str


def environment(values: Mapping[str, str], exported: str, allowed: str) -> dict[str, str]:
    """Return the environment of a command: *values*, and what export_environment lets through.

    In *values* what is not *allowed* becomes "_".

    Raises ConfigError: *exported* breaks the syntax.
    """
    variables = let_through("export_environment", exported, os.environ)
    result = {"PATH": DEFAULT_PATH, **variables}
    return {**result, **{name: censor(value, allowed) for name, value in values.items()}}


def censor(value: str, allowed: str) -> str:
    """Return *value* with everything that is not among the *allowed* characters made "_"."""
    return "".join(character if character in allowed else "_" for character in value)


def arguments(line: str, shell: str) -> list[str]:
    """Return the argument vector of a command line; by a shell if it needs one.

    A *shell* that is given ("/some/dir/smrsh -c") runs every command.
    """
    if shell:
        return [*shell.split(), line]
    words = line.split()
    if not words or "=" in words[0] or words[0] in _SHELL_WORDS or not _PLAIN.issuperset(line):
        return ["sh", "-c", line]
    return words


def run(command: Command, message: int) -> Result:
    """Run a command with the open file *message* as its input; return what came of it."""
    try:
        ending = _run(command, message)
    except OSError as error:
        return _not_run(command, error)
    return judge(ending, command.line)


def _not_run(command: Command, error: OSError) -> Result:
    """Return what is said if the command could not begin; *reply* tells the operator why."""
    why = os.strerror(error.errno or 0)
    if command.folder and error.filename == command.folder:
        return Result(
            "4.3.0", "temporary failure", f"cannot change directory to {error.filename}: {why}"
        )
    reason = f"cannot run {command.line.split()[0]}: {why}"
    return Result("4.3.0", f"temporary failure. Command output: {reason}", reason)


def judge(ending: Ending, line: str) -> Result:
    """Return what the end of a command says of the message."""
    output, reply = ending.output, ending.output.rstrip()
    if ending.status == 0:
        return Result("2.0.0", f"delivered to command: {line}", reply)
    if ending.status is None or ending.status < 0:
        return _ended_early(ending, line)
    said, rest = split_dsn(output)
    if said:
        return Result(said, rest, rest.rstrip())
    dsn, text = _SYSEXITS.get(ending.status, ("5.3.0", ""))
    detail = text or f"unknown mail system error {ending.status}"
    if not text:
        text = f'{_NO_SYSEXIT.format(number=ending.status)}"{line}"'
    return Result(dsn, f"{text}{_quoted(output)}", reply or detail)


def _ended_early(ending: Ending, line: str) -> Result:
    """Return what is said of a command that was killed, by us if its time was up."""
    reply = ending.output.rstrip() or _SYSEXITS[os.EX_SOFTWARE][1]
    if ending.status is None:
        text = f'Command time limit exceeded: "{line}"{_quoted(ending.output)}'
        return Result("5.3.0", text, reply)
    text = _SIGNALLED.format(number=-ending.status)
    return Result("4.3.0", f'{text}"{line}"{_quoted(ending.output)}', reply)


def split_dsn(text: str) -> tuple[str, str]:
    """Return (code, rest) of text that begins with a 4.x.x or 5.x.x code, else ("", text)."""
    code, _, rest = text.partition(" ")
    parts = code.split(".")
    if len(parts) != 3 or parts[0] not in ("4", "5"):
        return "", text
    if not all(1 <= len(p) <= 3 and p.isascii() and p.isdigit() for p in parts[1:]):
        return "", text
    return code, rest.lstrip()


def printable(output: bytes) -> str:
    """Return what a command printed as one line of text."""
    text = output.decode("utf-8", "surrogateescape").translate(_BLANKS)
    return "".join(character if character.isprintable() else "_" for character in text)


def _quoted(output: str) -> str:
    return f". Command output: {output}" if output else ""


def _run(command: Command, message: int) -> Ending:
    process = subprocess.Popen(
        command.words or arguments(command.line, command.shell),
        stdin=message,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=command.environment,
        cwd=command.folder or None,
        start_new_session=True,
        restore_signals=False,  # as under Postfix, commands ignore SIGPIPE
    )
    output, is_late = _watch(process, time.monotonic() + command.time_limit)
    # What it left running in its process group must not outlive it with the message in hand.
    if is_late:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    status = process.wait()
    return Ending(None if is_late else status, printable(output))


def _watch(process: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes, bool]:
    """Return the first of what a process prints until it ends, and whether its time was up."""
    output = b""
    assert process.stdout is not None
    with process.stdout, selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not selector.select(remaining):
                return output, True
            piece = os.read(process.stdout.fileno(), _READ_BYTES)
            if not piece:
                break
            output += piece[: OUTPUT_BYTES - len(output)]
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return output, True
    return output, False
