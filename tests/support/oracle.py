"""The same command asked of Debian's Postfix and of ours, in the same folder.

Ours runs in a fork of the test, so that three hundred questions take seconds: the interpreter and
the modules are there already, and the child has standard streams and a status of its own.

Limits: a command of ours must not rely on being the only user of its modules
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.console_script import become

SBIN = Path("/usr/sbin")

needs_postfix = pytest.mark.skipif(
    not (SBIN / "postconf").exists(),
    reason="Debian's postfix is not installed (tools/install-peers)",
)


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str


def postfix(
    program: str, *arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None
) -> Answer:
    """Run one of Postfix's programs."""
    ended = subprocess.run(
        [SBIN / program, *arguments],
        input=_bytes(stdin),
        capture_output=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return Answer(ended.returncode, _text(ended.stdout), _text(ended.stderr))


def ours(
    main: Callable[[], object],
    program: str,
    *arguments: str,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> Answer:
    """Run a command's main() as its console script does, in a process of its own."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(_bytes(stdin))
        given.seek(0)
        child = os.fork()
        if child == 0:
            become(
                main,
                [program, *arguments],
                environment or {},
                (given.fileno(), out.fileno(), err.fileno()),
            )
        _, waited = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return Answer(os.waitstatus_to_exitcode(waited), _text(out.read()), _text(err.read()))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
