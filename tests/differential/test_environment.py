"""The environment that a program of Postfix begins with, by import_environment.

postfix(1) hands its own to the script that does its work: here one that prints what it got.

Limits: a name that is no name to the shell is lost on the way; postfix(1) adds names of its own
"""

import os
import subprocess
from pathlib import Path

import pytest

from spoolmta.config.environment import let_through
from spoolmta.errors import ConfigError
from tests.support.oracle import needs_postfix, postfix

pytestmark = [needs_postfix, pytest.mark.root]

GIVEN = {"ONE": "1", "TWO": "2 3", "EMPTY": "", "TZ": "UTC"}
ASKED = (*GIVEN, "SET")
VALUES = (
    "ONE TWO", "ONE,TWO , EMPTY", "ONE=5 TWO", "{ ONE = 5 6 } TWO", "{ONE=5 6}", "{ ONE=5, 6 }",
    "ONE={x}", "{ ONE = }", "EMPTY", "ONE=", "ONE==x", "NOPE", "{}", "{ } ONE", "{ONE= {b c} }",
    "ONE\tTWO", "{ ONE }", "ONE=1 ONE=2", "ONE=7 ONE", "{ONE=1},TWO", "ONE= TWO", "ONE={b c",
    "ONE={b c}d e", "ONE=b{c d}e TWO", "ONE=}b c{d TWO} SET=5", "ONE=x{ y", "ONE='q r'",
    "SET=a{1,2},TWO", "ONE,,TWO", "TZ", "TZ=Europe/Berlin",
)  # fmt: skip
REFUSED = ("{ A=5", "{ A=5 }x", "{ A", "{A = a}{B = b}", "{ A=1 }{")


def main_cf(folder: Path, value: str) -> Path:
    (folder / "main.cf").write_text(
        f"queue_directory = {folder}\ndata_directory = {folder}\ndaemon_directory = {folder}\n"
        f"myhostname = mx.example\nimport_environment = {value}\n"
    )
    (folder / "master.cf").write_text("")
    return folder


@pytest.mark.parametrize("value", VALUES)
def test_variables_are_let_through_and_set_as_by_postfix(value: str, tmp_path: Path) -> None:
    script = main_cf(tmp_path, value) / "postfix-script"
    script.write_text("#!/bin/sh\nexec env -0\n")
    script.chmod(0o755)
    ended = subprocess.run(
        ["/usr/sbin/postfix", "-c", str(tmp_path), "check"],
        capture_output=True,
        check=True,
        env={**GIVEN, "PATH": os.environ["PATH"]},
    )
    theirs = dict(line.partition("=")[::2] for line in ended.stdout.decode().split("\0"))
    own = let_through("import_environment", value, GIVEN)
    assert {n: own.get(n) for n in ASKED} == {n: theirs.get(n) for n in ASKED}


@pytest.mark.parametrize("value", REFUSED)
def test_a_bad_list_is_refused_in_postfix_s_words(value: str, tmp_path: Path) -> None:
    answer = postfix("postqueue", "-c", str(main_cf(tmp_path, value)), "-p")
    with pytest.raises(ConfigError) as caught:
        let_through("import_environment", value, GIVEN)
    said = str(caught.value).partition(" (expected")[0]
    assert answer.err.startswith(f"postqueue: fatal: {said}")
