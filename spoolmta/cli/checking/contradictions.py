"""Settings that each may have its value, and that do not go together.

Postfix:    the warnings of trivial-rewrite(8), virtual(8), qmgr(8), postmap(1) and postconf(1)
Must not:   open a table, but for the sources that can be listed cheaply
"""

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from spoolmta.cli.checking import routes
from spoolmta.config import program, replaced
from spoolmta.config.loader import Configuration
from spoolmta.config.parameter import DECLARED
from spoolmta.config.parameters import sections_in_force
from spoolmta.config.program import Kind

_CLASSES = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")
_NEEDED = ("pickup", "qmgr", "trivial-rewrite", "bounce")
_SUFFIXES = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
_INDEXED = re.compile(rf"(?<![\w.-])({'|'.join(_SUFFIXES)}):([^\s,{{}}]+)")
_SMALLER = (
    ("virtual_mailbox_limit", "message_size_limit", ""),
    ("maximal_backoff_time", "minimal_backoff_time", ""),
    ("maximal_queue_lifetime", "bounce_queue_lifetime", ": notifications outlive mail"),
    ("maximal_queue_lifetime", "minimal_backoff_time", ": deferred mail is not tried again"),
)
_NEWEST_LEVEL = "3.11"


def contradictions(configuration: Configuration) -> Iterator[str]:
    """Return a sentence for each contradiction."""
    file = configuration.main.file
    for text in (
        *_domains_in_two_classes(configuration),
        *_limits(configuration),
        *_stages(configuration),
    ):
        yield f"{file}: {text}"
    yield from routes.faults(configuration)
    yield from _old_tables(configuration)
    yield from _replaced(configuration)


def old_defaults(configuration: Configuration) -> str:
    """Return which defaults are those of an older Postfix because of compatibility_level."""
    newest = configuration.with_settings({"compatibility_level": _NEWEST_LEVEL})
    in_force = {n: p for section in sections_in_force() for n, p in section.parameters.items()}
    old = [
        f"{name}={configuration.value(name)}"
        for name, parameter in sorted(in_force.items())
        if "compatibility_level" in parameter.default
        and name not in configuration.main.values
        and configuration.value(name) != newest.value(name)
    ]
    if not old:
        return ""
    level = configuration.value("compatibility_level")
    return (
        f"{configuration.place('compatibility_level')}: compatibility_level is {level}: using"
        f" backwards-compatible default settings {', '.join(old)}"
    )


def _domains_in_two_classes(configuration: Configuration) -> Iterator[str]:
    members = {name: _domains(configuration.value(name)) for name in _CLASSES}
    for one, other in combinations(_CLASSES, 2):
        if (one, other) == ("mydestination", "relay_domains"):
            continue
        for domain in sorted(members[one] & members[other]):
            yield f"do not list domain {domain} in BOTH {one} and {other}"


def _domains(value: str) -> set[str]:
    """Return the domains of a list: words, and the keys of tables that can be listed cheaply."""
    words = value.replace(",", " ").lower().split()
    found = {word for word in words if not set(word) & set(":/!{}=")}
    return found | {key.lower() for key, _ in routes.listed(value) if "@" not in key}


def _limits(configuration: Configuration) -> Iterator[str]:
    for smaller, larger, why in _SMALLER:
        low, high = _number(configuration, smaller), _number(configuration, larger)
        if 0 < low < high:
            yield f"main.cf configuration error: {smaller} is smaller than {larger}{why}"


def _number(configuration: Configuration, name: str) -> float:
    value = DECLARED[name].parse(configuration.value(name))
    assert isinstance(value, int | float)
    return value


def _stages(configuration: Configuration) -> Iterator[str]:
    services = configuration.services
    stages = {program.stage(s) for s in services if program.KINDS.get(s.command) is Kind.STAGE}
    if services and stages:
        for stage in _NEEDED:
            if stage not in stages:
                yield f"master.cf has no service that runs {stage}: mail cannot pass"


def _replaced(configuration: Configuration) -> Iterator[str]:
    for name in configuration.main.values:
        if text := replaced.warning(name):
            yield f"{configuration.place(name)}: {text}"
    for service in configuration.services:
        for name in service.overrides:
            if text := replaced.warning(name):
                yield f"{service.file}, line {service.line}, service {service.key}, -o: {text}"


def _old_tables(configuration: Configuration) -> Iterator[str]:
    values = [(configuration.place(n), configuration.value(n)) for n in configuration.main.values]
    for service in configuration.services:
        place = f"{service.file}, line {service.line}"
        values += [(place, configuration.value(n, service.overrides)) for n in service.overrides]
    for place, value in values:
        for kind, name in _INDEXED.findall(value):
            index = Path(name + _SUFFIXES[kind])
            try:
                old = index.stat().st_mtime < Path(name).stat().st_mtime
            except OSError:
                continue  # opening it tells what is missing
            if old:
                yield f"{place}: database {index} is older than source file {name}"
