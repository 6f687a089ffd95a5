"""Every parameter that is declared is read by some code and described in docs/parameters.md."""

import ast
import re

from tests.rules.sources import PACKAGE, ROOT, modules

DECLARING = ("text", "number", "seconds", "yes_no", "choice")


def _declared() -> dict[str, str]:
    """Return the parameters declared in config/parameters/, each with its file."""
    return {
        statement.target.id: module.path
        for module in modules()
        if module.name.startswith("spoolmta.config.parameters.")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        if isinstance(statement.value, ast.Call)
    }


def test_every_parameter_is_used() -> None:
    used = set()
    for module in modules():
        if not module.name.startswith("spoolmta.config.parameters"):
            used |= {node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
            used |= module.strings()
            # "$default_destination_recipient_limit" where a transport has none of its own.
            used |= {text[1:] for text in module.strings() if text.startswith("$")}
    referred = _referred_by_other_defaults()
    unused = sorted(f"{path}: {name}" for name, path in _declared().items() if name not in used)
    unused = [text for text in unused if text.rpartition(" ")[2] not in referred]
    assert not unused, "declared, and no code asks for it:\n" + "\n".join(unused)


def test_every_parameter_is_documented() -> None:
    documented = (ROOT / "docs" / "parameters.md").read_text()
    silent = sorted(name for name in _declared() if not re.search(rf"\b{name}\b", documented))
    assert not silent, f"not in docs/parameters.md: {silent}"


def test_parameters_are_declared_in_one_place() -> None:
    """A parameter of several owners stands in common.py; nobody declares it a second time."""
    seen: dict[str, str] = {}
    twice = []
    for module in modules():
        if not module.name.startswith("spoolmta.config.parameters."):
            continue
        for name in re.findall(r"^    ([a-z0-9_]+): \w+ = \w+\(", module.text, re.MULTILINE):
            if name in seen:
                twice.append(f"{name}: {seen[name]} and {module.path}")
            seen[name] = module.path
    assert not twice, "\n".join(twice)


def test_parameters_are_declared_nowhere_else() -> None:
    wrong = [
        module.path
        for module in modules()
        if not module.name.startswith("spoolmta.config.")
        for line, name in module.imports()
        if name.startswith("spoolmta.config.parameter.") and name.rpartition(".")[2] in DECLARING
    ]
    assert not wrong, f"parameters are declared in {PACKAGE.name}/config/parameters/: {wrong}"


def _referred_by_other_defaults() -> set[str]:
    """Return the names that other parameters' defaults mention: they count as used."""
    return {
        name
        for module in modules()
        if module.name.startswith("spoolmta.config.parameters.")
        for text in module.strings()
        for name in re.findall(r"\$\{?([a-z][a-z0-9_]*)", text)
    }
