"""The kinds of configuration parameters, and the Section that holds their values.

A Section declares each parameter in one line: name, type, default, limits. The declaration
says the value's type to the type checker, so that `parameters.minimal_backoff_time` is a float:

    class QueueManagerParameters(Section):
        minimal_backoff_time: float = seconds("300s", min=1)  # shortest pause before a retry

A default is main.cf text and may refer to other parameters. Values are made and checked when
the configuration makes the section; after that a section never changes.

Postfix:    postconf(5)
Must not:   read a file
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import ClassVar, NamedTuple, Never, cast

from spoolmta.errors import ConfigError

LARGEST = 2**31 - 1
UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

UNEXPANDED = frozenset((
    "command_execution_directory", "default_rbl_reply", "forward_path", "luser_relay",
    "mailbox_command", "postscreen_expansion_filter", "postscreen_reject_footer",
    "smtpd_expansion_filter", "smtpd_reject_footer",
))  # fmt: skip
"""Parameters whose $names belong to a recipient, a client or a shell, and not to main.cf."""

_YES_NO = {"yes": True, "no": False}


class Kind(StrEnum):
    """What a parameter's text means."""

    TEXT = "text"
    NUMBER = "number"
    SECONDS = "time"
    YES_NO = "yes/no"
    CHOICE = "choice"


class Parameter:
    """One declared parameter; it makes typed values from main.cf text."""

    def __init__(self, kind: Kind, default: str, limits: "Limits", name: str = "") -> None:
        self.name = name
        self.attribute = name
        self.kind = kind
        self.default = default
        self.limits = limits

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute
        self.name = self.name or attribute

    def __get__(self, section: "Section | None", owner: type) -> object:
        """Return the value, made now because its section did not make it at once."""
        if section is None:
            return self
        value = section.late_value(self)
        section.__dict__[self.attribute] = value
        return value

    def parse(self, text: str) -> object:
        """Return the typed value of main.cf *text*, expanded already.

        Raises ConfigError: the caller adds file and line, and goes no further.
        """
        return _PARSERS[self.kind](self, text)


class Limits(NamedTuple):
    """What values a parameter takes: smallest, largest, unit of a bare time, words, emptiness."""

    smallest: float = 0
    largest: float = LARGEST
    unit: str = "s"
    allowed: tuple[str, ...] = ()
    empty_allowed: bool = True


class Section:
    """A frozen, typed view of main.cf: attributes are parameter names.

    A section may inherit another one. Parameters of the base classes come first.
    """

    parameters: ClassVar[dict[str, Parameter]] = {}

    def __init_subclass__(cls) -> None:
        """Collect the parameters of the class and of its bases."""
        collected: dict[str, Parameter] = {}
        for base in reversed(cls.__mro__):
            for value in vars(base).values():
                if isinstance(value, Parameter):
                    collected[value.name] = value
        cls.parameters = collected
        DECLARED.update(collected)

    def __init__(self, values: Mapping[str, object], late: Callable[[Parameter], object]) -> None:
        """*values* by attribute; *late* makes the value of a parameter that is not among them."""
        self.__dict__.update(values)
        self.__dict__["late_value"] = late

    late_value: Callable[[Parameter], object]

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"{type(self).__name__} is frozen: {name}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters)} parameters)"


DECLARED: dict[str, Parameter] = {}
"""Every parameter of the sections that have been imported."""


def text(default: str, *, empty_allowed: bool = True, name: str = "") -> str:
    """Declare a parameter that is used as it is written.

    *name* is its name in main.cf, where that is no Python name (2bounce_notice_recipient).
    """
    limits = Limits(empty_allowed=empty_allowed)
    return cast("str", Parameter(Kind.TEXT, default, limits, name))


def number(default: str, *, min: int = 0, max: int = LARGEST) -> int:  # noqa: A002
    """Declare a whole number; sizes are in bytes."""
    return cast("int", Parameter(Kind.NUMBER, default, Limits(smallest=min, largest=max)))


def seconds(
    default: str,
    *,
    unit: str = "s",
    min: float = 0,  # noqa: A002
    max: float = LARGEST,  # noqa: A002
) -> float:
    """Declare a time in seconds; its text may end in a unit (s m h d w), else *unit* is meant."""
    limits = Limits(smallest=min, largest=max, unit=unit)
    return cast("float", Parameter(Kind.SECONDS, default, limits))


def yes_no(default: str) -> bool:
    """Declare a parameter that is yes or no."""
    return cast("bool", Parameter(Kind.YES_NO, default, Limits()))


def choice(default: str, allowed: tuple[str, ...]) -> str:
    """Declare a parameter that is one of a few words, in lower case."""
    return cast("str", Parameter(Kind.CHOICE, default, Limits(allowed=allowed)))


def parse_seconds(content: str, *, unit: str = "s") -> float | None:
    """Return the seconds of a time such as "300", "5m" or "2w"; None if it is none."""
    digits = content
    if content and content[-1] in UNITS:
        digits, unit = content[:-1], content[-1]
    if not _is_number(digits):
        return None
    return float(int(digits) * UNITS[unit])


def _parse_text(parameter: Parameter, content: str) -> str:
    if not content and not parameter.limits.empty_allowed:
        raise ConfigError(f"bad string length 0 < 1: {parameter.name} = (expected a value)")
    return content


def _parse_number(parameter: Parameter, content: str) -> int:
    limits = parameter.limits
    if not _is_number(content.removeprefix("-").removeprefix("+")):
        raise ConfigError(
            f"bad numerical configuration: {parameter.name} = {content}"
            f" (expected a number from {int(limits.smallest)} to {int(limits.largest)})"
        )
    value = int(content)
    if value < limits.smallest:
        raise ConfigError(
            f"invalid {parameter.name} parameter value {value} < {int(limits.smallest)}"
        )
    if value > limits.largest:
        raise ConfigError(
            f"invalid {parameter.name} parameter value {value} > {int(limits.largest)}"
        )
    return value


def _parse_seconds(parameter: Parameter, content: str) -> float:
    limits = parameter.limits
    value = parse_seconds(content, unit=limits.unit)
    if value is None or value > LARGEST:
        raise ConfigError(
            f"parameter {parameter.name}: bad time value or unit: {content}"
            " (expected digits and one of the units s m h d w)"
        )
    if value < limits.smallest:
        raise ConfigError(f"invalid {parameter.name}: {content} (min {int(limits.smallest)})")
    if value > limits.largest:
        raise ConfigError(f"invalid {parameter.name}: {content} (max {int(limits.largest)})")
    return value


def _parse_yes_no(parameter: Parameter, content: str) -> bool:
    value = _YES_NO.get(content.lower())
    if value is None:
        raise ConfigError(
            f"bad boolean configuration: {parameter.name} = {content} (expected yes or no)"
        )
    return value


def _parse_choice(parameter: Parameter, content: str) -> str:
    value = content.lower()
    if value not in parameter.limits.allowed:
        words = ", ".join(parameter.limits.allowed)
        raise ConfigError(f"unknown {parameter.name} value: {content} (expected one of: {words})")
    return value


def _is_number(content: str) -> bool:
    return content.isascii() and content.isdigit()


_PARSERS: Mapping[Kind, Callable[[Parameter, str], object]] = {
    Kind.TEXT: _parse_text,
    Kind.NUMBER: _parse_number,
    Kind.SECONDS: _parse_seconds,
    Kind.YES_NO: _parse_yes_no,
    Kind.CHOICE: _parse_choice,
}
