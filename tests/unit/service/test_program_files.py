"""Python may lie below a folder of root's: a process that gave up root still imports from it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.sources import PACKAGE
from tests.support.rights import let_everybody_into

# Imports early, gives up root, and imports late.
PROGRAM = """
import pwd, sys

sys.path[:0] = sys.argv[1:]
import a_package.early
from spoolmta.service.privileges import become

become(pwd.getpwnam("nobody"))
import a_package.late
import a_late_module

print(a_package.late.ANSWER, a_late_module.ANSWER)
"""


@pytest.mark.root
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_modules_are_found_by_a_user_who_may_not_enter_their_folder(
    tmp_path: Path, mode: int
) -> None:
    folder = tmp_path / "of_root" / "lib"
    (folder / "a_package").mkdir(parents=True)
    for name, text in (
        ("a_package/__init__.py", ""),
        ("a_package/early.py", ""),
        ("a_package/late.py", "ANSWER = 42"),
        ("a_late_module.py", "ANSWER = 43"),
    ):
        (folder / name).write_text(text)
    let_everybody_into(folder / "a_package")
    folder.parent.chmod(mode)
    command = [sys.executable, "-c", PROGRAM, str(folder), str(PACKAGE.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "42 43\n", done.stderr
