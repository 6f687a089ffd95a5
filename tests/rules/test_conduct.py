"""Habits: errors are named, nothing is left for later, nothing tells of the author's machine."""

import ast
import re
from pathlib import Path

from tests.rules.sources import ROOT, modules, tracked_text_files

# Files that say which words are not to be said.
ABOUT_THE_RULES = {"tests/rules/test_conduct.py", "CONTRIBUTING.md"}
POSTPONED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
UNTESTED = re.compile(r"\b(pytest\.skip|mark\.skip|mark\.xfail|pytest\.xfail|unittest\.skip)\b")
PATHS_OF_A_MACHINE = re.compile(r"/(home|Users|root|work|workspace)/[a-z]")

CATCHING_ALLOWED = {
    "spoolmta/spool/committer.py": "the spool thread hands each error to who waits for the result",
}


def test_only_the_life_of_a_process_catches_every_exception() -> None:
    """An unknown exception is a bug: service/ logs it, gives the work back and ends the process."""
    wrong = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        if module.package != "service" and module.path not in CATCHING_ALLOWED
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and _catches_everything(node)
        and not _raises_it_again(node)
    ]
    assert not wrong, f"bare or broad except outside service/: {wrong}"


def test_time_is_passed_in() -> None:
    """Only clock.py reads the time of day, so that a test can set it."""
    wrong = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        if module.package not in {"clock", "cli"}
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.time", "datetime.now"}
    ]
    assert not wrong, f"the system's clock is read outside clock.py: {wrong}"


def test_nothing_is_left_for_later() -> None:
    assert not _lines_with(POSTPONED)


def test_every_test_runs() -> None:
    assert not _lines_with(UNTESTED)


def test_nothing_tells_of_the_machine_it_was_written_on() -> None:
    assert not _lines_with(PATHS_OF_A_MACHINE)


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(name) in {"Exception", "BaseException"} for name in names)


def _raises_it_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked_text_files()
        if str(path.relative_to(ROOT)) not in ABOUT_THE_RULES
        for number, line in enumerate(_text(path).split("\n"), 1)
        if pattern.search(line)
    ]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")
