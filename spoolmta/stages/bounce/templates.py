"""The wording of notices: built in, or from bounce_template_file.

A template has headers (Charset, From, Subject, Postmaster-Subject) and a text with $names of
main.cf; delay_warning_time and maximal_queue_lifetime also with a unit behind them ("_hours").

Postfix:    bounce(5)
Parameters: bounce_template_file; and whatever a text names
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from spoolmta.config.expansion import expand
from spoolmta.config.parameter import parse_seconds
from spoolmta.errors import ConfigError
from spoolmta.spool.notices import Kind

_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
_TIMES = ("delay_warning_time", "maximal_queue_lifetime")
_NAMES = {
    "failure_template": Kind.FAILURE,
    "delay_template": Kind.DELAY,
    "success_template": Kind.SUCCESS,
    "verify_template": Kind.TRACE,
}

_NAME_FIRST = re.compile(r"([^<]*)<([^>]*)>")
_NAME_LAST = re.compile(r"([^(]*)\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Template:
    """The words of one kind of notice; *text* is unexpanded."""

    subject: str
    postmaster_subject: str
    text: str
    charset: str = "us-ascii"
    sender: str = "MAILER-DAEMON (Mail Delivery System)"


_FAILURE = """\
This is the mail system at host $myhostname.

Your message could not be delivered to everybody it was meant for. Below
you find whom it did not reach, and why. Your message, or the beginning
of it, is attached.

For help, write to postmaster and send this report along. You need not
send the attached message.

                   The mail system
"""
_DELAY = """\
This is the mail system at host $myhostname.

        This is only a warning. Do not send your message again.

Your message has not been delivered for more than $delay_warning_time_hours hour(s).
Its delivery will be tried until it is $maximal_queue_lifetime_days day(s) old.

For help, write to postmaster and send this report along. You need not
send the attached message.

                   The mail system
"""
_SUCCESS = """\
This is the mail system at host $myhostname.

Your message was delivered to those named below, as you had asked to be
told. Where it went on to another system, that one may still send you a
report if it cannot deliver the message.

                   The mail system
"""
_TRACE = """\
This is the mail system at host $myhostname.

You had asked for a report of what becomes of your message. Here it is.

                   The mail system
"""

BUILT_IN: Mapping[Kind, Template] = {
    Kind.FAILURE: Template(
        "Undelivered Mail Returned to Sender", "Postmaster Copy: Undelivered Mail", _FAILURE
    ),
    Kind.DELAY: Template(
        "Delayed Mail (still being retried)", "Postmaster Warning: Delayed Mail", _DELAY
    ),
    Kind.SUCCESS: Template("Successful Mail Delivery Report", "", _SUCCESS),
    Kind.TRACE: Template("Mail Delivery Status Report", "", _TRACE),
}


def load(path: str) -> Mapping[Kind, Template]:
    """Return the templates, those of a file in place of the built-in ones; "" means no file.

    Raises ConfigError: the file cannot be read or understood; the process does not start.
    """
    if not path:
        return BUILT_IN
    try:
        # A template may be in any charset: its bytes are kept.
        text = Path(path).read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise ConfigError(f"bounce_template_file = {path}: cannot be read: {error}") from error
    return {**BUILT_IN, **parse(text, path)}


def parse(text: str, name: str) -> dict[Kind, Template]:
    """Return the templates of a file called *name*.

    Raises ConfigError: it is not as bounce(5) says.
    """
    found: dict[Kind, Template] = {}
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        key, equals, end = (part.strip() for part in line.partition("="))
        known = key in _NAMES
        if not equals or not end.startswith("<<") or not end[2:].strip() or not known:
            raise ConfigError(
                f'{name}, line {number}: expected "failure_template = <<EOF", or delay_template,'
                " success_template, verify_template"
            )
        body = []
        for _, inner in lines:
            if inner == end[2:].strip():
                break
            body.append(inner)
        else:
            raise ConfigError(
                f"{name}, line {number}: expected a line {end[2:].strip()} at the end"
            )
        kind = _NAMES[key]
        found[kind] = _template(body, BUILT_IN[kind], f"{name}, line {number}")
    return found


def words(template: Template, value: Callable[[str], str]) -> list[str]:
    """Return the lines of a template's text; *value* gives the value of a parameter.

    Raises ConfigError: a $name breaks the syntax.
    """
    return expand(template.text, lambda name: _value(name, value)).rstrip("\n").split("\n")


def sender(template: Template) -> tuple[str, str]:
    """Return (name, address) of a template's From; the name may be missing."""
    text = template.sender
    if match := _NAME_FIRST.fullmatch(text):
        return match[1].strip().strip('"'), match[2].strip()
    if match := _NAME_LAST.fullmatch(text):
        return match[2].strip(), match[1].strip()
    return "", text


def charset(template: Template) -> str:
    """Return the charset of a notice's text; what follows the template's words is in UTF-8."""
    return "utf-8" if template.charset.lower() == "us-ascii" else template.charset


def _template(lines: list[str], default: Template, place: str) -> Template:
    changes = {}
    fields = {
        "charset": "charset",
        "from": "sender",
        "subject": "subject",
        "postmaster-subject": "postmaster_subject",
    }
    at = 0
    while at < len(lines):
        key, colon, value = lines[at].partition(":")
        field = fields.get(key.strip().lower())
        if not colon or field is None:
            break
        if not value.isascii() or not value.isprintable():
            raise ConfigError(f"{place}: {key}: expected printable ASCII characters")
        changes[field] = value.strip()
        at += 1
    if at < len(lines) and not lines[at].strip():
        at += 1
    return replace(default, text="\n".join(lines[at:]) + "\n", **changes)


def _value(name: str, value: Callable[[str], str]) -> str:
    for time in _TIMES:
        unit = _UNITS.get(name.removeprefix(f"{time}_"))
        if name.startswith(time) and unit is not None:
            # A bare number of these parameters is in hours and days.
            seconds = parse_seconds(value(time), unit="h" if time == _TIMES[0] else "d")
            return str(int((seconds or 0) // unit))
    return value(name)
