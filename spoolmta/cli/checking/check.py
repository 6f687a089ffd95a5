"""What is wrong with a configuration: the library behind "spoolmta check" and "postfix check".

An error keeps the mail system from starting, or mail from being delivered; a warning tells of a
setting that does not do what it says; a note tells of one that has nothing to do here.

Postfix:    postfix(1) check, postconf(1)
Reads:      main.cf, master.cf, and the tables that they name
"""

import contextlib
import difflib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from spoolmta.cli.checking.contradictions import contradictions, old_defaults
from spoolmta.config import encryption, program
from spoolmta.config.accounting import Account, State, accounts, of_rows
from spoolmta.config.loader import Configuration, load
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters import sections
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.config.program import Kind
from spoolmta.config.unsupported import gap_of_value
from spoolmta.config.unused import Names
from spoolmta.errors import ConfigError, SpoolmtaError

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
        counts = summary(accounts(load(directory)))
        text = ", ".join(f"{count} {state}" for state, count in counts.items())
        print(f"{name}: {text}", file=sys.stderr)
    return status(found)


def status(found: list[Finding]) -> int:
    """Return the exit status that *found* calls for."""
    return int(any(finding.severity is Severity.ERROR for finding in found))


def summary(found: tuple[Account, ...]) -> dict[State, int]:
    """Return how many lines are in force, without meaning here, and so on."""
    states = [account.state for account in found]
    return {state: states.count(state) for state in State}


def report(directory: str | None) -> Iterator[dict[str, object]]:
    """Return findings, the account of every setting and service, and a summary, for programs."""
    for finding in findings(directory):
        yield {"kind": "finding", "severity": finding.severity, "text": finding.text}
    try:
        found = accounts(load(directory))
    except ConfigError:
        return  # it is among the findings
    for account in found:
        yield {"kind": "account", **asdict(account)}
    counts = {str(state): count for state, count in summary(found).items()}
    yield {"kind": "summary", **counts}


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
        found += _sound(configuration, services)
    found += _programs(configuration, services)
    found += _names(configuration)
    found += _gaps(configuration, services)
    order = list(Severity)
    return sorted(dict.fromkeys(found), key=lambda finding: order.index(finding.severity))


def _sound(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Finding]:
    """Look at what values mean, once each of them has its type."""
    from spoolmta.cli.checking import file_rights, named_commands, named_tables

    yield from _combinations(configuration)
    for text in (*contradictions(configuration), *file_rights.faults(configuration)):
        yield Finding(Severity.WARNING, text)
    for fault in named_tables.faults(configuration, services):
        yield Finding(Severity.ERROR if fault.stops else Severity.WARNING, fault.text)
    for bad in named_commands.faults(configuration, services):
        yield Finding(Severity.ERROR if bad.stops else Severity.WARNING, bad.text)
    if text := old_defaults(configuration):
        yield Finding(Severity.NOTE, text)
    yield from _restrictions(configuration, services)
    yield from _plain_text(configuration, services)


def _values(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Finding]:
    """Make every section as every service sees it: each value has its type and range."""
    views = ({}, *(s.overrides for s in services if len(s.overrides) > 1))
    for kind in sections():
        severity = Severity.ERROR if kind.gap is None else Severity.WARNING
        for overrides in views:
            yield from _errors(partial(configuration.section, kind, overrides), severity)
    for overrides in views:
        for name in overrides or configuration.main.values:
            yield from _errors(partial(configuration.value, name, overrides))


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


def _restrictions(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Finding]:
    """Read the restriction lists of every SMTP server; it does not start on one it cannot read."""
    from spoolmta.cli.checking import named_restrictions

    running = program.running(services)
    for service in services:
        if service.command != "smtpd" or running[service.key] is Kind.ROW:
            continue
        try:
            faults = named_restrictions.faults(configuration, service)
            if not faults:
                _read_lists(configuration, service.overrides)
        except ConfigError as error:
            faults = [str(error)]
        place = f"{configuration.master.file}, line {service.line}, service {service.key}"
        yield from (Finding(Severity.ERROR, f"{place}: {text}") for text in faults)


def _read_lists(configuration: Configuration, overrides: Mapping[str, str]) -> None:
    from spoolmta.config.parameters.smtpd import SmtpdParameters
    from spoolmta.stages.smtpd.restrictions.lists import RestrictionLists

    parameters = configuration.section(SmtpdParameters, overrides)
    lists = RestrictionLists(parameters, partial(configuration.value, overrides=overrides))
    name = "local_header_rewrite_clients"
    lists.parse(parameters.local_header_rewrite_clients, name)


def _plain_text(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Finding]:
    """Tell of services that must encrypt, which nothing here can."""
    for service in services:
        place = f"{service.file}, line {service.line}: service {service.key}"
        if text := encryption.refusal(configuration, service):
            yield Finding(Severity.ERROR, f"{place}: {text}")
        elif encryption.takes_no_mail(configuration, service):
            yield Finding(Severity.ERROR, f"{place}: {encryption.DEMANDED}")


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
        if name in names.of_postfix:
            yield from _gap(name, value, configuration.place(name), defaults)
    for service in services:
        place = f"{configuration.master.file}, line {service.line}, service {service.key}"
        for name, value in service.overrides.items():
            if name in names.of_postfix:
                yield from _gap(name, value, f"{place}, -o", configuration)


def _gap(name: str, value: str, place: str, before: Configuration) -> Iterator[Finding]:
    """Tell of a setting that does not do what it says; *before* is what is in force without it."""
    missing = gap_of_value(name, value)
    if missing is not None and value != before.raw(name):
        severity = Severity.NOTE if missing.harmless else Severity.WARNING
        yield Finding(severity, f"{place}: {name} has no effect: {missing.reason}")


def _errors(work: Callable[[], object], severity: Severity = Severity.ERROR) -> Iterator[Finding]:
    try:
        work()
    except SpoolmtaError as error:
        yield Finding(severity, str(error))


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
