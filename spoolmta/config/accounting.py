"""What becomes of every line of a configuration: in force, without meaning here, or not yet.

Nothing is silently ignored: each setting of main.cf, each service of master.cf and each of its
-o options has an account.

Postfix:    postconf(5), master(5)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from spoolmta.config import program
from spoolmta.config.loader import Configuration
from spoolmta.config.program import Kind
from spoolmta.config.unsupported import gap
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

    Raises ConfigError: master.cf cannot be understood.
    """
    names = Names(configuration)
    main = configuration.main
    found = [_setting(names, n, main.file, main.lines.get(n, 0)) for n in main.values]
    running = program.running(configuration.services)
    for service in configuration.services:
        own = _service(service.command, service.key, running, service.file, service.line)
        found.append(own)
        for name in service.overrides:
            if name == "service_name":
                continue
            subject = f"{service.key}/{name}"
            if own.state is State.IN_FORCE:
                state = _setting(names, name, service.file, service.line)
                found.append(Account(state.state, state.file, state.line, subject, state.reason))
            else:
                found.append(Account(own.state, own.file, own.line, subject, own.reason))
    return tuple(found)


def of_rows(configuration: Configuration) -> Iterator[Account]:
    """Return the -o options of services that have no process, and so no effect."""
    for account in accounts(configuration):
        if account.state is State.WITHOUT_MEANING and account.subject.count("/") > 1:
            service = account.subject.rpartition("/")[0]
            reasons = program.ROWS.values()
            if account.reason in reasons and service:
                yield account


def _setting(names: Names, name: str, file: str, line: int) -> Account:
    if name not in names.used:
        return Account(State.UNUSED, file, line, name, "nothing uses this name")
    missing = gap(name) if name in names.builtin else None
    if missing is None:
        return Account(State.IN_FORCE, file, line, name)
    state = State.WITHOUT_MEANING if missing.harmless else State.NOT_YET
    return Account(state, file, line, name, missing.reason)


def _service(command: str, key: str, running: dict[str, Kind], file: str, line: int) -> Account:
    if key not in running:
        reason = program.NOT_YET.get(command)
        state = State.NOT_YET if reason else State.UNUSED
        return Account(state, file, line, key, reason or f"there is no program {command}")
    if running[key] is Kind.ROW:
        reason = program.ROWS.get(command)
        state = State.WITHOUT_MEANING if reason else State.NOT_YET
        return Account(state, file, line, key, reason or program.NOT_YET["postscreen"])
    return Account(State.IN_FORCE, file, line, key)
