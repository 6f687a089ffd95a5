"""What the client of a database is told: a file of its own, or the parameters NAME_... of main.cf.

"mysql:/etc/postfix/aliases.cf" names a file in the syntax of main.cf, in which "$" means nothing.
"mysql:aliases" means the parameters aliases_query, aliases_hosts, ... of main.cf.

Postfix:  mysql_table(5), pgsql_table(5), sqlite_table(5), ldap_table(5), memcache_table(5)
Must not: connect to anything
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from spoolmta.config.loader import Configuration, load
from spoolmta.config.main_cf import parse_main, read_text
from spoolmta.errors import ConfigError


class _Main:
    """The configuration whose main.cf is meant; what a command would load, unless it is told."""

    configuration: Configuration | None = None


def use_configuration(configuration: Configuration | None) -> None:
    """From now on take the parameters NAME_... from this configuration's main.cf."""
    _Main.configuration = configuration


def client_file(argument: str) -> Path | None:
    """Return the file that the *argument* of "type:argument" names, None if it is no file's name.

    Postfix takes what begins with a slash or a dot for a file.
    """
    return Path(argument) if argument.startswith(("/", ".")) else None


class _Source(NamedTuple):
    """Where the parameters of one client stand."""

    value: Callable[[str], str | None]
    place: Callable[[str], str]


class ClientParameters:
    """The parameters of one client, each read as what it has to be."""

    def __init__(self, kind: str, argument: str) -> None:
        """Raises ConfigError: the file cannot be read or understood."""
        self.name = f"{kind}:{argument}"
        file = client_file(argument)
        self._source = _of_main(argument) if file is None else _of_file(file, argument)

    def given(self, name: str) -> str | None:
        """Return the text of a parameter, None if it is not there; it may be empty."""
        return self._source.value(name)

    def text(self, name: str, default: str = "") -> str:
        """Return the text of a parameter; it may be empty."""
        value = self.given(name)
        return default if value is None else value

    def required(self, name: str, default: str = "") -> str:
        """Return the text of a parameter.

        Raises ConfigError: it is empty.
        """
        value = self.text(name, default)
        if not value:
            raise self.error(name, f"bad string length 0 < 1: {name} =", "a value is needed")
        return value

    def number(self, name: str, default: int, *, minimum: int | None = None) -> int:
        """Return a parameter as a number.

        Raises ConfigError: it is none, or less than *minimum*.
        """
        value = self.given(name)
        if value is None:
            return default
        digits = value[1:] if value.startswith(("-", "+")) else value
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            raise self.error(
                name, f"bad numerical configuration: {name} = {value}", "a number is expected"
            )
        if minimum is not None and int(value) < minimum:
            raise self.error(
                name,
                f"invalid {name} parameter value {value} < {minimum}",
                "a higher one is needed",
            )
        return int(value)

    def yes_no(self, name: str, *, default: bool) -> bool:
        """Return a parameter as yes or no.

        Raises ConfigError: it is neither.
        """
        value = self.given(name)
        if value is None:
            return default
        if value.lower() not in ("yes", "no"):
            raise self.error(
                name, f"bad boolean configuration: {name} = {value}", "yes or no is expected"
            )
        return value.lower() == "yes"

    def choice(self, name: str, default: str, choices: Mapping[str, str]) -> str:
        """Return what *choices* has for the parameter's text in lower case.

        Raises ConfigError: it has nothing for it.
        """
        value = self.text(name, default)
        if value.lower() not in choices:
            expected = ", ".join(choices)
            raise self.error(name, f"bad value: {name} = {value}", f"expected one of: {expected}")
        return choices[value.lower()]

    def error(self, name: str, problem: str, expected: str) -> ConfigError:
        """Return the error that says where a parameter stands, what is wrong and what is right."""
        return ConfigError(f"{self._source.place(name)}: {problem} ({expected})")


def _of_file(path: Path, name: str) -> _Source:
    main = parse_main(read_text(path), name)

    def place(parameter: str) -> str:
        line = main.lines.get(parameter)
        return f"{name}, line {line}" if line else name

    return _Source(main.values.get, place)


def _of_main(name: str) -> _Source:
    configuration = _Main.configuration or load()

    def value(parameter: str) -> str | None:
        full = f"{name}_{parameter}"
        return configuration.value(full) if full in configuration.main.values else None

    def place(parameter: str) -> str:
        where = configuration.place(f"{name}_{parameter}")
        return f"{where}: {name}_{parameter}"

    return _Source(value, place)
