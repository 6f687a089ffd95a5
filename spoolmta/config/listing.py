"""How settings and services are printed: the output formats of postconf(1).

Postfix:    postconf(1) -n, -M, -F, -P, -f
"""

from collections.abc import Iterator

from spoolmta.config.master_cf import COLUMNS, Columns, is_option
from spoolmta.config.words import SPACE, split

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
    return _with_arguments(line, columns, folded=folded)


def one_line(columns: Columns) -> str:
    """Return a service as words with one blank between them."""
    return " ".join([*columns.fields, *_arguments(columns)])


def field(columns: Columns, name: str, *, behind: int | None = None) -> str:
    """Return one field of a service; "command" holds the arguments too.

    Long lines are folded if *behind* tells how many characters are printed before the value.
    """
    value = columns.fields[FIELDS.index(name)]
    if name != "command":
        return value
    folded = behind is not None
    return _with_arguments(" " * (behind or 0) + value, columns, folded=folded)[behind or 0 :]


def unknown_field(name: str) -> str:
    """Return that *name* is no field, and which there are."""
    return f'invalid service attribute name: "{name}" (expected one of: {", ".join(FIELDS)})'


def _with_arguments(start: str, columns: Columns, *, folded: bool) -> str:
    words = _arguments(columns)
    if not folded:
        return " ".join([start, *words])
    lines = [start]
    for word in words:
        if word.startswith("-o ") or lines[-1].startswith(_OPTION):
            lines.append(_INDENT + word)
        else:
            lines[-1:] = _fold([lines[-1], word], _WIDTH - 1)
    return "\n".join(lines)


def _arguments(columns: Columns) -> Iterator[str]:
    """Return the arguments as words, each -o together with what it sets.

    The first word that is no option has no braces that it does not need; Postfix does so, too.
    """
    rest = iter(columns.arguments)
    for argument in rest:
        if argument == "-o":
            setting = next(rest, None)
            if setting is None:
                yield argument
                continue
            name, mark, value = setting.partition("=")
            yield "-o " + _braced(f"{name.strip()}{mark}{value.strip()}")
            continue
        if is_option(argument):
            yield argument
            continue
        yield argument if split(argument, SPACE).words == [argument] else _braced(argument)
        yield from (_braced(word) for word in rest)


def _braced(word: str) -> str:
    return word if split(word, SPACE).words == word.split() == [word] else "{" + word + "}"


def _fold(words: list[str], width: int) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(_INDENT + word)
    return lines
