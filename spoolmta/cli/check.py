"""What is wrong with a configuration: the library behind "spoolmta check" and "postfix check".

An error keeps the mail system from starting, or mail from being delivered; a warning tells of a
setting that does not do what it says; a note tells of one that has nothing to do here.

Postfix:    postfix(1) check, postconf(1)
Reads:      main.cf, master.cf, and the tables that they name
"""

import contextlib
import difflib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from spoolmta.cli.contradictions import contradictions
from spoolmta.config import program
from spoolmta.config.accounting import State, accounts, of_rows
from spoolmta.config.loader import Configuration, load
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters import sections
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.config.unsupported import AS_IT_IS, gap
from spoolmta.config.unused import Names
from spoolmta.errors import ConfigError, SpoolmtaError

_LISTS = ("mydestination", "relay_domains", "virtual_alias_domains", "virtual_mailbox_domains")
_RESTRICTIONS = ("_restrictions", "_checks")
_PROTOCOLS = ("all", "ipv4", "ipv6")


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should know; *text* names file and line where there is one."""

    severity: Severity
    text: str


def main(directory: str | None, *, name: str = "spoolmta") -> int:
    """Print what is wrong with a configuration; return 1 if it cannot be used, else 0."""
    found = findings(directory)
    for finding in found:
        print(f"{name}: {finding.severity}: {finding.text}", file=sys.stderr)
    with contextlib.suppress(ConfigError):
        print(f"{name}: {summary(directory)}", file=sys.stderr)
    return int(any(finding.severity is Severity.ERROR for finding in found))


def summary(directory: str | None) -> str:
    """Return how many lines are in force, without meaning here, and so on.

    Raises ConfigError: the configuration cannot be read.
    """
    states = [account.state for account in accounts(load(directory))]
    return ", ".join(f"{states.count(state)} {state}" for state in State)


def findings(directory: str | None) -> list[Finding]:
    """Return what is wrong with the configuration of *directory*, errors first."""
    try:
        configuration = load(directory)
        services = configuration.services
    except ConfigError as error:
        return [Finding(Severity.ERROR, str(error))]
    found = [Finding(Severity.WARNING, text) for text in configuration.warnings]
    found += _values(configuration, services)
    if not any(finding.severity is Severity.ERROR for finding in found):
        found += _combinations(configuration)
        found += [Finding(Severity.WARNING, text) for text in contradictions(configuration)]
        found += _tables(configuration)
        found += _tables_of_restrictions(configuration, services)
        found += _restrictions(configuration, services)
    found += _programs(configuration, services)
    found += _names(configuration)
    found += _gaps(configuration, services)
    order = list(Severity)
    return sorted(dict.fromkeys(found), key=lambda finding: order.index(finding.severity))


def _values(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Finding]:
    """Make every section as every service sees it: each value has its type and range."""
    for kind in sections():
        for overrides in ({}, *(s.overrides for s in services if len(s.overrides) > 1)):
            yield from _errors(partial(configuration.section, kind, overrides))


def _combinations(configuration: Configuration) -> Iterator[Finding]:
    """Look at values that must go together, or with this machine."""
    from spoolmta.service.privileges import account
    from spoolmta.spool.filesystem import require_local_filesystem

    parameters = configuration.section(CommonParameters)
    yield from _errors(lambda: account(parameters.mail_owner))
    folder = Path(parameters.queue_directory)
    if not folder.is_absolute():
        yield _at(configuration, "queue_directory", f"{folder}: expected an absolute path")
    yield from _errors(lambda: require_local_filesystem(folder))
    for name in ("myhostname", "mydomain"):
        host = getattr(parameters, name)
        if not _is_hostname(host):
            yield _at(configuration, name, f"bad parameter value: {host} (expected a host name)")
    protocols = parameters.inet_protocols.replace(",", " ").split()
    for word in protocols:
        if word not in _PROTOCOLS:
            text = f'unknown value "{word}" (expected {", ".join(_PROTOCOLS)})'
            yield _at(configuration, "inet_protocols", text)
    if 0 < parameters.mailbox_size_limit < parameters.message_size_limit:
        text = "mailbox_size_limit is smaller than message_size_limit: local delivery cannot start"
        yield Finding(Severity.WARNING, f"{configuration.main.file}: {text}")


def _tables(configuration: Configuration) -> Iterator[Finding]:
    """Open every table and list, as a service would."""
    from spoolmta.maps.registry import open_maps, open_match_list

    names = {name for kind in sections() for name in kind.parameters}
    for name in sorted(n for n in names if n.endswith("_maps")):
        yield from _warnings(configuration, name, open_maps)
    for name in _LISTS:
        yield from _warnings(configuration, name, open_match_list)


def _tables_of_restrictions(
    configuration: Configuration, services: tuple[Service, ...]
) -> Iterator[Finding]:
    """Open the tables that restriction lists and classes name, also those of -o options."""
    from spoolmta.maps.registry import map_types, open_map
    from spoolmta.maps.syntax import split_words

    classes = configuration.value("smtpd_restriction_classes").replace(",", " ").split()
    kinds = map_types()
    for place, name, value in _settings(configuration, services):
        if not (name.endswith(_RESTRICTIONS) or name in classes):
            continue
        try:
            words = [w for w in split_words(value) if w.partition(":")[0] in kinds]
        except ConfigError as error:
            yield Finding(Severity.WARNING, f"{place}: {name}: {error}")
            continue
        for word in words:
            try:
                open_map(word)
            except ConfigError as error:
                yield Finding(Severity.WARNING, f"{place}: {name}: {error}")


def _settings(
    configuration: Configuration, services: tuple[Service, ...]
) -> Iterator[tuple[str, str, str]]:
    """Return place, name and expanded value of every setting and -o option."""
    for name in configuration.main.values:
        yield configuration.place(name), name, configuration.value(name)
    for service in services:
        place = f"{configuration.master.file}, line {service.line}, service {service.key}, -o"
        for name in service.overrides:
            yield place, name, configuration.value(name, service.overrides)


def _restrictions(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Finding]:
    """Read the restriction lists of every SMTP server; it does not start on one it cannot read."""
    from spoolmta.config.parameters.smtpd import AccessParameters
    from spoolmta.stages.smtpd.restrictions.lists import RestrictionLists

    for service in services:
        if service.command != "smtpd":
            continue
        overrides = service.overrides
        try:
            RestrictionLists(
                configuration.section(AccessParameters, overrides),
                partial(configuration.value, overrides=overrides),
            )
        except ConfigError as error:
            place = f"{configuration.master.file}, line {service.line}, service {service.key}"
            yield Finding(Severity.ERROR, f"{place}: {error}")


def _programs(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Finding]:
    """Tell of services that do not run, and of what their lines ask for in vain."""
    file = configuration.master.file
    running = program.running(services)
    for service in services:
        place = f"{file}, line {service.line}: service {service.key}"
        if service.key not in running:
            yield _not_run(service.command, place)
        elif service.kind == "pass":
            text = f"{place} waits for postscreen: {program.NOT_YET['postscreen']}"
            yield Finding(Severity.WARNING, text)
    for account in of_rows(configuration):
        text = f"{account.file}, line {account.line}: {account.subject} has no effect"
        yield Finding(Severity.NOTE, f"{text}: {account.reason}")
    chroot = [service.key for service in services if service.chroot and service.key in running]
    if chroot:
        text = f"no service runs in a chroot folder here; it is asked for by {', '.join(chroot)}"
        yield Finding(Severity.NOTE, f"{file}: {text}")


def _not_run(command: str, place: str) -> Finding:
    reason = program.NOT_YET.get(command)
    if reason is not None:
        text = f"{place}: {command} is not supported yet: {reason}"
        return Finding(Severity.WARNING, text)
    near = difflib.get_close_matches(command, (*program.KINDS, *program.NOT_YET), n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return Finding(Severity.WARNING, f"{place}: there is no program {command}{hint}")


def _names(configuration: Configuration) -> Iterator[Finding]:
    names = Names(configuration)
    for unused in names.unused():
        hint = f" (did you mean {unused.nearest}?)" if unused.nearest else ""
        place = f"{unused.file}, line {unused.line}"
        text = f"{place}: unused parameter: {unused.name}={unused.value}{hint}"
        yield Finding(Severity.WARNING, text)
    for name in names.undefined:
        text = f"{configuration.main.file}: undefined parameter: {name}"
        yield Finding(Severity.WARNING, text)


def _gaps(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Finding]:
    """Tell of settings of Postfix that have no effect, unless they change nothing anyway."""
    names = Names(configuration)
    defaults = configuration.defaults()
    for name, value in configuration.main.values.items():
        if name in names.builtin and value != defaults.raw(name):
            yield from _gap(name, value, configuration.place(name))
    for service in services:
        place = f"{configuration.master.file}, line {service.line}, service {service.key}"
        for name, value in service.overrides.items():
            if name in names.builtin and value != configuration.raw(name):
                yield from _gap(name, value, f"{place}, -o")


def _gap(name: str, value: str, place: str) -> Iterator[Finding]:
    missing = gap(name)
    if missing is not None and value != AS_IT_IS.get(name):
        severity = Severity.NOTE if missing.harmless else Severity.WARNING
        yield Finding(severity, f"{place}: {name} has no effect: {missing.reason}")


def _errors(work: Callable[[], object]) -> Iterator[Finding]:
    try:
        work()
    except SpoolmtaError as error:
        yield Finding(Severity.ERROR, str(error))


def _warnings(
    configuration: Configuration, name: str, open_table: Callable[[str], object]
) -> Iterator[Finding]:
    value = configuration.value(name)
    try:
        open_table(value)
    except ConfigError as error:
        text = f"{configuration.place(name)}: {name}: {error}"
        yield Finding(Severity.WARNING, text)


def _at(configuration: Configuration, name: str, text: str) -> Finding:
    return Finding(Severity.ERROR, f"{configuration.place(name)}: {name}: {text}")


def _is_hostname(name: str) -> bool:
    labels = name.split(".")
    return len(name) <= 255 and all(
        0 < len(label) <= 63
        and label.replace("-", "").replace("_", "").isalnum()
        and label.isascii()
        and not label.startswith("-")
        and not label.endswith("-")
        for label in labels
    )
