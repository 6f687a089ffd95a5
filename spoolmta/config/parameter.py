"""The kinds of configuration parameters, and the Section that holds their values.

A Section declares each parameter in one line: name, type, default, limits. The declaration
says the value's type to the type checker, so that `parameters.minimal_backoff_time` is a float:

    class QueueManagerParameters(Section):
        minimal_backoff_time: float = seconds("300s", min=1)  # shortest pause before a retry

A section that says why (`not_yet`, `without_meaning`) declares what no code reads, so that every
parameter of Postfix has its line:

    class VerpParameters(Section, not_yet="VERP is not supported yet"):

A default is main.cf text and may refer to other parameters. Values are made and checked when
the configuration makes the section; after that a section never changes.

Postfix:    postconf(5)
Must not:   read a file
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import ClassVar, NamedTuple, Never, cast

from spoolmta.errors import ConfigError

LARGEST = 2**31 - 1
LARGEST_SIZE = 2**63 - 1
UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

UNEXPANDED = frozenset((
    "command_execution_directory", "default_rbl_reply", "forward_path", "luser_relay",
    "mailbox_command", "postscreen_expansion_filter", "postscreen_reject_footer",
    "smtpd_expansion_filter", "smtpd_reject_footer",
))  # fmt: skip
"""Parameters whose $names belong to a recipient, a client or a shell, and not to main.cf."""

READ_ONLY = frozenset(("process_id", "process_name", "service_name"))
"""What a process knows of itself; a file that says otherwise is not believed."""

_YES_NO = {"yes": True, "no": False}

# As strtol(3) reads a number.
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_TIME = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)(.?)", re.DOTALL)
_LONGEST = 19  # digits of the largest number there is


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
    """What values a parameter takes: smallest, largest, unit of a bare time, words, emptiness.

    *complaint* is how Postfix words that a value is none of the words.
    """

    smallest: float = 0
    largest: float = LARGEST
    unit: str = "s"
    allowed: tuple[str, ...] = ()
    empty_allowed: bool = True
    complaint: str = ""


class Gap(NamedTuple):
    """Why a parameter has no effect; *harmless* if nothing is missed by it."""

    reason: str
    harmless: bool


class Section:
    """A frozen, typed view of main.cf: attributes are parameter names.

    A section may inherit another one. Parameters of the base classes come first.
    *gap* is why no code reads the parameters of a section; None if they are in force. *brought_by*
    are the commands of master.cf whose services each have the parameters for themselves; their
    names begin with "_", and the service's name stands before it.
    """

    parameters: ClassVar[dict[str, Parameter]] = {}
    gap: ClassVar[Gap | None] = None
    brought_by: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(
        cls, *, not_yet: str = "", without_meaning: str = "", brought_by: tuple[str, ...] = ()
    ) -> None:
        """Collect the parameters of the class and of its bases."""
        reason = not_yet or without_meaning
        cls.gap = Gap(reason, harmless=not not_yet) if reason else None
        cls.brought_by = frozenset(brought_by)
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
    """Declare a whole number; sizes are in bytes.

    Where the smallest is 0, anything below means 0, which mostly is "no limit".
    """
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


def choice(
    default: str,
    allowed: tuple[str, ...],
    *,
    complaint: str = 'invalid setting: "{name} = {value}"',
) -> str:
    """Declare a parameter that is one of a few words, in lower case.

    *complaint* tells {name} and {value} of another word as Postfix does.
    """
    limits = Limits(allowed=allowed, empty_allowed="" in allowed, complaint=complaint)
    return cast("str", Parameter(Kind.CHOICE, default, limits))


def parse_seconds(content: str, *, unit: str = "s") -> float | None:
    """Return the seconds of a time such as "300", "5m" or "2w"; None if it is none."""
    digits = content
    if content and content[-1] in UNITS:
        digits, unit = content[:-1], content[-1]
    return _seconds(digits, unit) if digits.isascii() and digits.isdigit() else None


def _parse_text(parameter: Parameter, content: str) -> str:
    if not content and not parameter.limits.empty_allowed:
        raise ConfigError(f"bad string length 0 < 1: {parameter.name} = (expected a value)")
    return content


def _parse_number(parameter: Parameter, content: str) -> int:
    limits = parameter.limits
    found = _NUMBER.fullmatch(content)
    value = _whole(found[1], int(max(limits.largest, LARGEST))) if found else None
    if value is None:
        raise ConfigError(
            f"bad numerical configuration: {parameter.name} = {content}"
            f" (expected a number from {int(limits.smallest)} to {int(limits.largest)})"
        )
    if value < limits.smallest:
        if not limits.smallest:
            return 0
        raise ConfigError(
            f"invalid {parameter.name} parameter value {value} < {int(limits.smallest)}"
        )
    if value > limits.largest:
        raise ConfigError(
            f"invalid {parameter.name} parameter value {value} > {int(limits.largest)}"
        )
    return value


def _parse_seconds(parameter: Parameter, content: str) -> float:
    """Return the seconds; as in Postfix the unit may go on (5min)."""
    limits = parameter.limits
    found = _TIME.match(content)
    value = _seconds(found[1], found[2] or limits.unit) if found else None
    if value is None:
        raise ConfigError(
            f"parameter {parameter.name}: bad time value or unit: {content}"
            " (expected digits and one of the units s m h d w)"
        )
    if value < limits.smallest:
        raise ConfigError(f"invalid {parameter.name}: {int(value)} (min {int(limits.smallest)})")
    if value > limits.largest:
        raise ConfigError(f"invalid {parameter.name}: {int(value)} (max {int(limits.largest)})")
    return value


def _parse_yes_no(parameter: Parameter, content: str) -> bool:
    value = _YES_NO.get(content.lower())
    if value is None:
        raise ConfigError(
            f"bad boolean configuration: {parameter.name} = {content} (expected yes or no)"
        )
    return value


def _parse_choice(parameter: Parameter, content: str) -> str:
    value = _parse_text(parameter, content).lower()
    limits = parameter.limits
    if value not in limits.allowed:
        complaint = limits.complaint.format(name=parameter.name, value=content)
        raise ConfigError(
            f"{complaint} (expected one of: {', '.join(filter(None, limits.allowed))})"
        )
    return value


def _whole(digits: str, largest: int) -> int | None:
    """Return the number that *digits* are, a sign before them or not; None if C has no room."""
    if len(digits.lstrip("+-0")) > _LONGEST:
        return None
    value = int(digits)
    return value if -largest - 1 <= value <= largest else None


def _seconds(digits: str, unit: str) -> float | None:
    value = _whole(digits, LARGEST)
    factor = UNITS.get(unit)
    if value is None or factor is None or value < 0:
        return None
    # Postfix refuses the last whole unit that there is room for, too.
    if factor > 1 and value >= LARGEST // factor:
        return None
    return float(value * factor)


_PARSERS: Mapping[Kind, Callable[[Parameter, str], object]] = {
    Kind.TEXT: _parse_text,
    Kind.NUMBER: _parse_number,
    Kind.SECONDS: _parse_seconds,
    Kind.YES_NO: _parse_yes_no,
    Kind.CHOICE: _parse_choice,
}
