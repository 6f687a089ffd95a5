"""Every parameter that is declared is read by some code and described in docs/parameters.md."""

import ast
import re

from spoolmta.config import catalogue
from spoolmta.config.parameters import sections, sections_of_services
from tests.rules.sources import PACKAGE, ROOT, modules

DECLARING = ("text", "number", "seconds", "yes_no", "choice")
ASKED_OTHERWISE = {
    "mail_release_date": "a fact that values may refer to",
    "_destination_concurrency_negative_feedback": "the scheduler puts the sign in",
    "_destination_concurrency_positive_feedback": "the scheduler puts the sign in",
}


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


def test_a_parameter_is_in_force_if_and_only_if_code_reads_it() -> None:
    used = set()
    for module in modules():
        if not module.name.startswith("spoolmta.config.parameters"):
            used |= {node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
            used |= module.strings()
            # "$default_destination_recipient_limit" where a transport has none of its own.
            used |= {text[1:] for text in module.strings() if text.startswith("$")}
    referred = _referred_by_other_defaults()
    names = set(_declared()) - _not_in_force() - referred - ASKED_OTHERWISE.keys() - used
    unused = sorted(
        f"{_declared()[name]}: {name}" for name in names if not _is_of_a_transport(name)
    )
    assert not unused, "declared in force, and no code asks for it:\n" + "\n".join(unused)
    idle = {kind.__name__ for kind in (*sections(), *sections_of_services()) if kind.gap}
    wrong = [
        f"{module.path}:{line}: {name}"
        for module in modules()
        for line, name in module.imports()
        if name.rpartition(".")[2] in idle
    ]
    assert not wrong, "read, and not declared as in force:\n" + "\n".join(wrong)


def test_what_is_not_in_force_has_a_reason() -> None:
    reasons = {kind.gap.reason for kind in (*sections(), *sections_of_services()) if kind.gap}
    assert reasons
    assert all(len(reason.split()) > 3 and not reason.endswith(".") for reason in reasons)


def test_every_parameter_is_documented() -> None:
    documented = (ROOT / "docs" / "parameters.md").read_text()
    silent = sorted(
        name for name in _declared() if not re.search(rf"(\b|SERVICE){name}\b", documented)
    )
    assert not silent, f"not in docs/parameters.md: {silent}"


def test_parameters_are_declared_in_one_place() -> None:
    """A parameter of several owners stands in common.py; nobody declares it a second time."""
    seen: dict[str, str] = {}
    twice = []
    for module in modules():
        if not module.name.startswith("spoolmta.config.parameters."):
            continue
        for name in re.findall(r"^    (\w+): \w+ = \w+\(", module.text, re.MULTILINE):
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


def _is_of_a_transport(name: str) -> bool:
    """Return whether a parameter is the own one of a transport, which is asked for by its end."""
    section = catalogue.section_of_suffix(name)
    return section is not None and section.gap is None


def _not_in_force() -> set[str]:
    """Return the attributes of the sections that say why no code reads them."""
    kinds = (*sections(), *sections_of_services())
    return {name for kind in kinds if kind.gap for name in vars(kind)}


def _referred_by_other_defaults() -> set[str]:
    """Return the names that other parameters' defaults mention: they count as used."""
    return {
        name
        for module in modules()
        if module.name.startswith("spoolmta.config.parameters.")
        for text in module.strings()
        for name in re.findall(r"\$\{?([a-z][a-z0-9_]*)", text)
    }
