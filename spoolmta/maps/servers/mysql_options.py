"""Option files of MySQL's and MariaDB's clients: "[client]" and other groups of "name = value".

Postfix: mysql_table(5) option_file, option_group
Reads:   the files that it is told, and what they include
"""

import configparser
from collections.abc import Iterator
from pathlib import Path

from spoolmta.errors import ConfigError

DEFAULT_FILES = ("/etc/my.cnf", "/etc/mysql/my.cnf")
# What every client reads, of either make; MariaDB's own library knows the last two.
CLIENT_GROUPS = ("client", "client-server", "client-mariadb")
_DEPTH_LIMIT = 10


def read_options(file: str, group: str) -> dict[str, str]:
    """Return the options of a client for which *file* and *group* are set; a later one wins.

    Without a file the usual places are read, of which none need be there.
    Raises ConfigError: the file cannot be read or understood.
    """
    options: dict[str, str] = {}
    if file:
        _read(Path(file), group, options, 0)
    elif group:
        for name in DEFAULT_FILES:
            if Path(name).exists():
                _read(Path(name), group, options, 0)
    return options


def _read(path: Path, group: str, options: dict[str, str], depth: int) -> None:
    if depth > _DEPTH_LIMIT:
        raise ConfigError(f"{path}: option files nested more than {_DEPTH_LIMIT} deep")
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise ConfigError(f"open {path}: {error.strerror}") from error
    parser = configparser.RawConfigParser(
        allow_no_value=True, strict=False, comment_prefixes=("#", ";"), delimiters=("=",)
    )
    try:
        parser.read_string(_without_includes(text), str(path))
    except configparser.Error as error:
        message = " ".join(str(error).split())
        raise ConfigError(f"{message} (expected [group] and name = value)") from error
    for name in dict.fromkeys((*CLIENT_GROUPS, group)):
        if parser.has_section(name):
            for option, value in parser.items(name):
                options[option.lower().replace("_", "-")] = _unquoted(value or "")
    for included in _included(text, path):
        _read(included, group, options, depth + 1)


def _without_includes(text: str) -> str:
    return "\n".join("" if line.startswith("!") else line for line in text.split("\n"))


def _included(text: str, path: Path) -> Iterator[Path]:
    for line in text.split("\n"):
        word, _, name = line.partition(" ")
        if word == "!include":
            yield path.parent / name.strip()
        elif word == "!includedir":
            yield from sorted((path.parent / name.strip()).glob("*.cnf"))


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value
