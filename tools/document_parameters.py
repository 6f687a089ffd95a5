"""Write docs/parameters.md from the declarations in spoolmta/config/parameters/.

Usage: python -m tools.document_parameters [--check]

With --check nothing is written; the exit status is 1 if the page is not what would be written.
The meaning of a parameter is the comment behind its declaration.
"""

import ast
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spoolmta.config.computed import COMPUTED
from spoolmta.config.parameter import LARGEST, Gap, Kind, Parameter, Section
from spoolmta.config.parameters import sections, sections_of_services

PAGE = Path(__file__).parent.parent / "docs" / "parameters.md"

_HEAD = """\
# Parameters

Every parameter of Postfix 3.11, and ours, by the program or area that it belongs to, with default,
kind and meaning. This page is made from the declarations by `python -m tools.document_parameters`;
change them, not the page.

What stands in the first table of a chapter is in force. Below it stands what has no meaning here
and what is not supported yet, each with the reason; it may stand in main.cf, is checked like the
others, and `spoolmta check` names the settings that would change something.

A value may refer to others (`$name`, `${name?value}`, see postconf(5)); most defaults do. A time
is digits and one of the units `s m h d w`; without one, the unit in the table is meant. Sizes are
bytes; where 0 is the smallest number, a negative one means 0. "computed" means that the machine
decides. `postconf -d` prints every default.
"""
_TABLE_HEAD = "| parameter | default | kind | meaning |\n| --- | --- | --- | --- |\n"


@dataclass(frozen=True, slots=True)
class Declaration:
    """One parameter as its source file declares it."""

    parameter: Parameter
    meaning: str


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    page = "\n".join([_HEAD, *_chapters()])
    if arguments == ["--check"]:
        return int(not PAGE.exists() or PAGE.read_text() != page)
    PAGE.write_text(page)
    return 0


def _chapters() -> Iterator[str]:
    """Return a chapter per source file, in the order of their names, the shared ones first."""
    by_module: dict[str, list[type[Section]]] = {}
    for section in (*sections(), *sections_of_services()):
        by_module.setdefault(section.__module__, []).append(section)
    for module in sorted(by_module, key=lambda name: (not name.endswith("common"), name)):
        source = Path(str(sys.modules[module].__file__)).read_text()
        title = (ast.get_docstring(ast.parse(source)) or "").split("\n")[0].rstrip(".")
        tables = "\n".join(_tables(by_module[module], dict(_meanings(source))))
        yield f"## {title} ({module.rpartition('.')[2]})\n\n{tables}"


def _tables(of_file: list[type[Section]], meanings: dict[str, str]) -> Iterator[str]:
    """Return a table of what is in force, and one for each reason why something is not."""
    by_gap: dict[Gap | None, dict[str, Parameter]] = {}
    for section in of_file:
        own = {n: p for n, p in vars(section).items() if isinstance(p, Parameter)}
        by_gap.setdefault(section.gap, {}).update(own)
    for gap in sorted(by_gap, key=lambda gap: (gap is not None, gap or ())):
        if gap:
            yield f"**{'No meaning here' if gap.harmless else 'Not yet'}:** {gap.reason}.\n"
        lines = [
            _row(Declaration(parameter, meanings[attribute]))
            for attribute, parameter in sorted(by_gap[gap].items())
        ]
        yield _TABLE_HEAD + "".join(lines)


def _meanings(source: str) -> Iterator[tuple[str, str]]:
    """Return each declared attribute with the comment in its declaration, or right above it."""
    readline = iter(source.splitlines(keepends=True)).__next__
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(readline)
        if token.type == tokenize.COMMENT
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            inside = " ".join(comments[number] for number in lines if number in comments)
            yield node.target.id, inside or comments.get(node.lineno - 1, "")


def _row(declaration: Declaration) -> str:
    parameter = declaration.parameter
    name = f"`{parameter.name}`"
    if parameter.name.startswith("_"):
        name = f"`SERVICE{parameter.name}`"
    if parameter.attribute != parameter.name:
        name += f" (in code: `{parameter.attribute}`)"
    default = "computed" if parameter.name in COMPUTED else _code(parameter.default)
    return f"| {name} | {default} | {_kind(parameter)} | {_cell(declaration.meaning)} |\n"


def _kind(parameter: Parameter) -> str:
    limits = parameter.limits
    if parameter.kind is Kind.CHOICE:
        words = f"one of {', '.join(filter(None, limits.allowed))}"
        return f"{words}, or empty" if limits.empty_allowed else words
    if parameter.kind is Kind.TEXT:
        return "text" if limits.empty_allowed else "text, not empty"
    if parameter.kind is Kind.YES_NO:
        return "yes/no"
    unit = f" ({limits.unit})" if parameter.kind is Kind.SECONDS else ""
    bounds = [f"at least {int(limits.smallest)}"] if limits.smallest else []
    if limits.largest < LARGEST:
        bounds.append(f"at most {int(limits.largest)}")
    return ", ".join([f"{parameter.kind}{unit}", *bounds])


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
