"""One noun of the field is one file, of a readable size, with a header that says what for."""

import ast
from collections.abc import Iterator

from tests.rules.sources import ROOT, Module, modules

LINES_OF_A_FILE = 500
LINES_OF_A_FUNCTION = 60
SHORT_ENOUGH = 40

# Names that say nothing of what is inside, and names that hide a module of the standard library.
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "misc", "base", "tools"}
STDLIB_NAMES = {"queue", "email", "logging", "socket", "signal", "types", "select", "time"}
ALLOWED_NAMES = {
    "spoolmta/config/parameters/common.py": "parameters that several owners share",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_every_module_says_what_it_is_for() -> None:
    silent = [module.path for module in modules() if not ast.get_docstring(module.tree)]
    assert not silent, f"no header docstring: {silent}"


def test_every_public_function_and_class_says_what_it_does() -> None:
    silent = [
        f"{module.path}:{node.lineno}: {node.name}"
        for module in modules()
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent, "\n".join(silent)


def test_no_file_is_longer_than_can_be_read() -> None:
    long = {
        module.path: lines
        for module in modules()
        if (lines := module.text.count("\n")) > LINES_OF_A_FILE
    }
    assert not long, f"more than {LINES_OF_A_FILE} lines: {long}"


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{module.path}:{node.lineno}: {node.name} has {lines} lines"
        for module in modules()
        for node, lines in _function_lengths(module)
        if lines > LINES_OF_A_FUNCTION
    ]
    assert not long, "\n".join(long)


def test_nearly_every_function_is_short() -> None:
    lengths = [lines for module in modules() for _, lines in _function_lengths(module)]
    longer = sum(lines > SHORT_ENOUGH for lines in lengths)
    assert longer * 50 <= len(lengths), f"{longer} of {len(lengths)} functions > {SHORT_ENOUGH}"


def test_every_file_is_named_by_a_noun_of_the_field() -> None:
    bad = [
        module.path
        for module in modules()
        if module.name.rpartition(".")[2] in EMPTY_NAMES | STDLIB_NAMES
        and module.path not in ALLOWED_NAMES
    ]
    assert not bad, f"names that say nothing or hide the standard library: {bad}"


def test_unit_tests_mirror_the_package() -> None:
    orphans = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests" / "unit").rglob("test_*.py")
        if not _tested(path.parent.name, path.stem.removeprefix("test_"))
    ]
    assert not orphans, f"unit tests of no module or package: {orphans}"


def _function_lengths(module: Module) -> Iterator[tuple[Function, int]]:
    """Yield each function and its lines, without its docstring and its decorators."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            text = ast.get_docstring(node)
            documented = (first.end_lineno or 0) - first.lineno + 1 if text else 0
            yield node, (node.end_lineno or 0) - node.lineno + 1 - documented


def _tested(package: str, stem: str) -> bool:
    """Tell whether a unit test of this name in this folder has something to be the test of."""
    names = {part for module in modules() for part in module.name.split(".")[1:]}
    return stem in names or any(stem.startswith(f"{name}_") for name in names) or package in names
