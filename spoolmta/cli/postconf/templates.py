"""The words of notices as postconf prints them: as templates, or with their $names expanded.

Postfix:    postconf(1) -b, -t; bounce(5)
Reads:      bounce_template_file, or the file that the command names
"""

from collections.abc import Iterator, Sequence

from spoolmta.config.loader import Configuration
from spoolmta.errors import UsageError
from spoolmta.spool.notices import Kind
from spoolmta.stages.bounce.templates import Template, load, words

_NAMES = {
    Kind.FAILURE: "failure",
    Kind.DELAY: "delay",
    Kind.SUCCESS: "success",
    Kind.TRACE: "verify",
}
_MARK = "EOF"


def template_lines(
    configuration: Configuration, operands: Sequence[str], *, expanded: bool
) -> Iterator[str]:
    """Return what is printed for each kind of notice, *expanded* or in the form of a template.

    Raises ConfigError: the file of templates cannot be understood.
    """
    if len(operands) > 1:
        raise UsageError("options -b and -t require at most one template file")
    path = operands[0] if operands else configuration.value("bounce_template_file")
    for number, (kind, template) in enumerate(load(path).items()):
        if number:
            yield ""
        if expanded:
            yield f"expanded_{_NAMES[kind]}_text = <<{_MARK}"
            yield from words(template, configuration.value)
        else:
            yield f"{_NAMES[kind]}_template = <<{_MARK}"
            yield from _as_template(template)
        yield _MARK


def _as_template(template: Template) -> Iterator[str]:
    yield f"Charset: {template.charset}"
    yield f"From: {template.sender}"
    yield f"Subject: {template.subject}"
    if template.postmaster_subject:
        yield f"Postmaster-Subject: {template.postmaster_subject}"
    yield ""
    yield from template.text.rstrip("\n").split("\n")
