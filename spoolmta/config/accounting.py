"""What becomes of every line of a configuration: in force, without meaning here, or not yet.

Nothing is silently ignored: each setting of main.cf, each service of master.cf and each of its
-o options has an account.

Postfix:    postconf(5), master(5)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from spoolmta.config import encryption, program
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.program import Kind
from spoolmta.config.unsupported import gap_of_value
from spoolmta.config.unused import Names


class State(StrEnum):
    """What becomes of a line."""

    IN_FORCE = "in force"
    WITHOUT_MEANING = "without meaning here"
    NOT_YET = "not yet"
    UNUSED = "unknown"


@dataclass(frozen=True, slots=True)
class Account:
    """What becomes of a setting (*subject* is its name) or a service (its service/type)."""

    state: State
    file: str
    line: int
    subject: str
    reason: str = ""


def accounts(configuration: Configuration) -> tuple[Account, ...]:
    """Return the account of every line, main.cf's first.

    Raises ConfigError: master.cf, or a value that decides what runs, cannot be understood.
    """
    names = Names(configuration)
    main = configuration.main
    found = [
        _setting(names, name, _Place(main.file, main.lines.get(name, 0), name), value)
        for name, value in main.values.items()
    ]
    running = program.running(configuration.services)
    for service in configuration.services:
        own = _service(configuration, service, running)
        found.append(own)
        for name, value in service.overrides.items():
            place = _Place(service.file, service.line, f"{service.key}/{name}")
            if name == "service_name":
                continue
            if own.state is State.IN_FORCE:
                found.append(_setting(names, name, place, value))
            else:
                found.append(Account(own.state, *place, own.reason))
    return tuple(found)


def of_rows(configuration: Configuration) -> Iterator[Account]:
    """Return the -o options of services that have no process, and so no effect."""
    running = program.running(configuration.services)
    for service in configuration.services:
        reason = program.ROWS.get(service.command, "")
        if running.get(service.key) is Kind.ROW and reason:
            for name in sorted(service.overrides.keys() - {"service_name"}):
                subject = f"{service.key}/{name}"
                yield Account(State.WITHOUT_MEANING, service.file, service.line, subject, reason)


class _Place(NamedTuple):
    """Where a setting or service stands, and what it is called."""

    file: str
    line: int
    subject: str


def _setting(names: Names, name: str, place: _Place, value: str) -> Account:
    if name not in names.used:
        return Account(State.UNUSED, *place, "nothing uses this name")
    missing = gap_of_value(name, value) if name in names.of_postfix else None
    if missing is None:
        return Account(State.IN_FORCE, *place)
    state = State.WITHOUT_MEANING if missing.harmless else State.NOT_YET
    return Account(state, *place, missing.reason)


def _service(configuration: Configuration, service: Service, running: dict[str, Kind]) -> Account:
    place = _Place(service.file, service.line, service.key)
    command = service.command
    if service.key not in running:
        reason = program.NOT_YET.get(command)
        state = State.NOT_YET if reason else State.UNUSED
        return Account(state, *place, reason or f"there is no program {command}")
    if running[service.key] is Kind.ROW:
        reason = program.ROWS.get(command)
        state = State.WITHOUT_MEANING if reason else State.NOT_YET
        return Account(state, *place, reason or program.NOT_YET["postscreen"])
    refused = encryption.refusal(configuration, service)
    if refused or encryption.takes_no_mail(configuration, service):
        return Account(State.NOT_YET, *place, refused or encryption.DEMANDED)
    return Account(State.IN_FORCE, *place)
