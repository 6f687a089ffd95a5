"""How settings and services are printed: the output formats of postconf(1).

Postfix:    postconf(1) -n, -M, -F, -P, -f
"""

from collections.abc import Iterable

from spoolmta.config.master_cf import COLUMNS, Columns

FIELDS = (*COLUMNS[:3], "unprivileged", *COLUMNS[4:])

_COLUMN_STARTS = (0, 11, 17, 25, 33, 41, 49, 57)
_WIDTH = 80
_INDENT = "    "
_OPTION = _INDENT + "-o "


def one_space(value: str) -> str:
    """Return *value* with every run of white space made one blank, and none at the ends."""
    return " ".join(value.split())


def parameter(name: str, value: str, *, folded: bool = False) -> str:
    """Return the line "name = value"; *folded* breaks it where it gets long."""
    words = [name, "=", *value.split()]
    return "\n".join(_fold(words, _WIDTH)) if folded else " ".join(words)


def service(columns: Columns, *, folded: bool = False) -> str:
    """Return a service as a line of master.cf; *folded* gives each option a line of its own."""
    line = ""
    for start, value in zip(_COLUMN_STARTS, columns.fields, strict=True):
        line = value if not start else line.ljust(start - 1) + " " + value
    words = _arguments(columns.arguments)
    if not folded:
        return " ".join([line, *words])
    lines = [line]
    for word in words:
        if word.startswith("-o ") or lines[-1].startswith(_OPTION):
            lines.append(_INDENT + word)
        else:
            lines[-1:] = _fold([lines[-1], word], _WIDTH - 1)
    return "\n".join(lines)


def field(columns: Columns, name: str) -> str:
    """Return one field of a service; "command" holds the arguments too."""
    index = FIELDS.index(name)
    if name == "command":
        return " ".join([columns.fields[index], *_arguments(columns.arguments)])
    return columns.fields[index]


def _arguments(arguments: Iterable[str]) -> list[str]:
    """Return the arguments as words, each -o together with what it sets."""
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument != "-o":
            words.append(_braced(argument))
            continue
        name, mark, value = next(rest, "").partition("=")
        words.append("-o " + _braced(f"{name.strip()}{mark}{one_space(value)}"))
    return words


def _braced(word: str) -> str:
    return "{" + word + "}" if " " in word or not word else word


def _fold(words: list[str], width: int) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(_INDENT + word)
    return lines
