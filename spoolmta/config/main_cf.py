"""The syntax of main.cf: logical lines of "name = value".

A logical line starts in the first column and goes on in lines that start with white space.
Comment lines (first character that is not blank: #) and empty lines may stand anywhere, also
inside a logical line, and do not end it. There are no comments behind a value. The last
definition of a name wins.

Postfix:    postconf(5)
Must not:   know what a parameter means
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spoolmta.errors import ConfigError

_SPACE = " \t\r\n\v\f"


# Every command reads main.cf and must start fast: named tuples are quicker made than dataclasses.
class MainFile(NamedTuple):
    """What a main.cf says: unexpanded values and the line of each, by name."""

    file: str
    values: dict[str, str]
    lines: dict[str, int]
    warnings: tuple[str, ...] = ()


class LogicalLine(NamedTuple):
    """One logical line without line ends, and the number of its first physical line."""

    number: int
    text: str


class UnreadableFile(ConfigError):
    """A configuration file that cannot be opened or read."""


def read_text(path: Path | str) -> str:
    """Return the content of a configuration file; bytes that are not UTF-8 survive.

    Raises UnreadableFile: it cannot be opened or read.
    Raises ConfigError: it is no text.
    """
    try:
        content = Path(path).read_bytes()
    except IsADirectoryError as error:
        raise UnreadableFile(f"read {path}: {error.strerror}") from error
    except OSError as error:
        raise UnreadableFile(f"open {path}: {error.strerror}") from error
    return as_text(content, path)


def as_text(content: bytes, path: Path | str) -> str:
    """Return the *content* of the file *path* as text; bytes that are not UTF-8 survive.

    Raises ConfigError: it is no text.
    """
    if b"\0" in content:
        number = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise ConfigError(f"{path}, line {number}: null byte found (expected text)")
    return content.decode("utf-8", "surrogateescape")


def parse_main(text: str, file: str) -> MainFile:
    """Return what the *text* of a main.cf says; *file* is the name for messages.

    Raises ConfigError: a line is no definition.
    """
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    warnings: list[str] = []
    for line in logical_lines(text):
        if line.text[0] in _SPACE:
            warnings.append(starts_with_space(file, line))
            continue
        name, value = split_definition(line.text, f"{file}, line {line.number}")
        if values.get(name, value) != value:
            warnings.append(
                f"{file}, line {line.number}: overriding earlier entry: {name}={values[name]}"
            )
        values[name] = value
        lines[name] = line.number
    return MainFile(file, values, lines, tuple(warnings))


def logical_lines(text: str) -> Iterator[LogicalLine]:
    """Return the logical lines of *text*, comments and empty lines left out.

    Only a first one may start with white space: it continues nothing.
    """
    number = 0
    pieces: list[str] = []
    for index, physical in enumerate(text.split("\n"), 1):
        stripped = physical.lstrip(_SPACE)
        if not stripped or stripped[0] == "#":
            continue
        if pieces and physical[0] in _SPACE:
            pieces.append(physical)
            continue
        if pieces:
            yield LogicalLine(number, "".join(pieces))
        number, pieces = index, [physical]
    if pieces:
        yield LogicalLine(number, "".join(pieces))


def split_definition(text: str, place: str) -> tuple[str, str]:
    """Return name and value of "name = value", white space around both removed.

    Raises ConfigError: it starts with *place* and says what was expected.
    """
    name, mark, value = text.partition("=")
    name = name.strip(_SPACE)
    if not name and mark:
        raise ConfigError(f'{place}: missing attribute name: "{text}"')
    if not mark or any(c in _SPACE for c in name):
        raise ConfigError(f"{place}: missing '=' after attribute name: \"{text}\"")
    return name, value.strip(_SPACE)


def starts_with_space(file: str, line: LogicalLine) -> str:
    """Return the warning about a first logical line that starts with white space."""
    excerpt = line.text if len(line.text) <= 30 else line.text[:30] + "..."
    return (
        f'{file}: logical line must not start with whitespace: "{excerpt}"'
        f" (line {line.number} is ignored)"
    )
