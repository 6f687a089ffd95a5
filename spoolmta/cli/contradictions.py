"""Settings that each may have its value, and that do not go together.

Postfix:    the warnings of trivial-rewrite(8), virtual(8), qmgr(8), postmap(1) and postconf(1)
Must not:   open a table
"""

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from spoolmta.config import program
from spoolmta.config.loader import Configuration
from spoolmta.config.program import Kind

_CLASSES = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")
_TRANSPORTS = frozenset(
    ("local_transport", "relay_transport", "virtual_transport", "default_transport")
)
_NEEDED = ("pickup", "qmgr", "trivial-rewrite", "bounce")
_SUFFIXES = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}
_INDEXED = re.compile(rf"(?<![\w.-])({'|'.join(_SUFFIXES)}):([^\s,{{}}]+)")
_REPLACED = {
    "disable_dns_lookups": "smtp_dns_support_level",
    "smtp_tls_per_site": "smtp_tls_policy_maps",
    **{
        f"{owner}_{verb}_tls": f"{owner}_tls_security_level"
        for owner in ("smtp", "lmtp", "smtpd", "postscreen")
        for verb in ("use", "enforce")
    },
}


def contradictions(configuration: Configuration) -> Iterator[str]:
    """Return a sentence for each contradiction."""
    file = configuration.main.file
    for text in (
        *_domains_in_two_classes(configuration),
        *_limits(configuration),
        *_transports(configuration),
    ):
        yield f"{file}: {text}"
    yield from _old_tables(configuration)
    for name in configuration.main.values:
        if name in _REPLACED:
            yield (
                f'{configuration.place(name)}: support for parameter "{name}" will be removed;'
                f' instead, specify "{_REPLACED[name]}"'
            )


def _domains_in_two_classes(configuration: Configuration) -> Iterator[str]:
    members = {name: _literal_domains(configuration.value(name)) for name in _CLASSES}
    for one, other in combinations(_CLASSES, 2):
        if (one, other) == ("mydestination", "relay_domains"):
            continue
        for domain in sorted(members[one] & members[other]):
            yield f"do not list domain {domain} in BOTH {one} and {other}"


def _literal_domains(value: str) -> set[str]:
    words = value.replace(",", " ").lower().split()
    return {word for word in words if not set(word) & set(":/!{}=")}


def _limits(configuration: Configuration) -> Iterator[str]:
    for smaller, larger in (
        ("virtual_mailbox_limit", "message_size_limit"),
        ("maximal_backoff_time", "minimal_backoff_time"),
    ):
        low, high = configuration.value(smaller), configuration.value(larger)
        if low.isdigit() and high.isdigit() and 0 < int(low) < int(high):
            yield f"main.cf configuration error: {smaller} is smaller than {larger}"


def _transports(configuration: Configuration) -> Iterator[str]:
    services = configuration.services
    served = program.transports(services)
    for name in sorted(_TRANSPORTS & configuration.main.values.keys()):
        transport = configuration.value(name).partition(":")[0]
        if transport and transport not in served:
            yield f"{name}: no service {transport} delivers: mail for it waits"
    stages = {program.stage(s) for s in services if program.KINDS.get(s.command) is Kind.STAGE}
    if services and stages:
        for stage in _NEEDED:
            if stage not in stages:
                yield f"master.cf has no service that runs {stage}: mail cannot pass"


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
