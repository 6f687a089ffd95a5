"""Every table that a configuration names, opened as a service would open it.

Also those of -o options, of restriction lists and of the members of unionmap and its like, whose
opening opens their parts.

Postfix:    DATABASE_README, postconf(5)
Limits:     of names that nothing here declares, only those are looked at that end as if they named
            tables
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from spoolmta.config import program
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters import sections_in_force
from spoolmta.config.program import Kind
from spoolmta.errors import ConfigError
from spoolmta.maps.proxy import approving
from spoolmta.maps.registry import map_types, open_map, open_match_list
from spoolmta.maps.syntax import inside_braces, split_words
from spoolmta.maps.watched import keep_problems, tell_problems

DEFAULT_PLACE = "default value"
_OF_TABLES = ("_maps", "_checks", "_restrictions")
_MATCH_LISTS = frozenset((
    "mydestination", "mynetworks", "relay_domains", "virtual_alias_domains",
    "virtual_mailbox_domains", "fast_flush_domains", "local_header_rewrite_clients",
    "smtpd_forbidden_commands", "authorized_mailq_users", "authorized_flush_users",
    "authorized_submit_users",
))  # fmt: skip
# Their values name files, commands or users: not any table will do.
_SENSITIVE = frozenset((
    "alias_maps", "mailbox_command_maps", "virtual_mailbox_maps", "virtual_uid_maps",
    "virtual_gid_maps",
))  # fmt: skip
_POLICY = "check_policy_service"
# They repeat what other parameters name.
_REPEATED = frozenset(("proxy_read_maps", "proxy_write_maps"))


class Setting(NamedTuple):
    """A setting with its place and expanded value; *is_used*: a process here reads it."""

    place: str
    name: str
    value: str
    is_used: bool


class Fault(NamedTuple):
    """A sentence, with its place; *stops*: a service does not start, or mail waits for it."""

    text: str
    stops: bool


def faults(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Fault]:
    """Return each table that cannot be opened, and what is wrong inside the others.

    A default that repeats what another parameter names is not blamed again.
    """
    with approving(lambda: _proxied(configuration, services)):
        yield from _faults(configuration, services)


def _faults(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Fault]:
    classes = configuration.value("smtpd_restriction_classes").replace(",", " ").split()
    known: dict[tuple[str, bool], list[Fault]] = {}
    told: set[str] = set()
    for setting in settings(configuration, services):
        is_default = setting.place == DEFAULT_PLACE
        for text, stops in _faults_of(setting, classes, known):
            if not (text in told and is_default):
                told.add(text)
                yield Fault(f"{setting.place}: {setting.name}: {text}", stops)


def _faults_of(
    setting: Setting, classes: list[str], known: dict[tuple[str, bool], list[Fault]]
) -> Iterator[Fault]:
    name, value = setting.name, setting.value
    found: list[Fault] = []
    if name in _REPEATED or not value:
        return
    if name in _MATCH_LISTS:
        found = _faults_on_opening(lambda: open_match_list(value))
    elif name.endswith(_OF_TABLES) or name in classes:
        specs = list(_specs(value, alone=name.endswith("_maps")))
        found = [fault for spec in specs for fault in _faults_of_table(spec, False, known)]
        if name in _SENSITIVE and not found:
            # The agent refuses it; an SMTP server that asks for a user alone does not.
            refused = [fault for spec in specs for fault in _faults_of_table(spec, True, known)]
            yield from (fault._replace(stops=False) for fault in refused)
    yield from (fault._replace(stops=fault.stops and setting.is_used) for fault in found)


def settings(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Setting]:
    """Return every parameter and -o option, defaults last."""
    given = configuration.main.values
    declared = {name for kind in sections_in_force() for name in kind.parameters}
    used = declared.union(
        configuration.value("smtpd_restriction_classes").replace(",", " ").split()
    )
    for name in sorted(declared | given.keys(), key=lambda name: (name not in given, name)):
        place, value = configuration.place(name), configuration.value(name)
        yield Setting(place, name, value, name in used)
    running = program.running(services)
    for service in services:
        place = f"{configuration.master.file}, line {service.line}, service {service.key}, -o"
        runs = running.get(service.key, Kind.ROW) is not Kind.ROW
        for name in service.overrides:
            value = configuration.value(name, service.overrides)
            yield Setting(place, name, value, runs and name in used)


def _specs(value: str, *, alone: bool) -> Iterator[str]:
    """Return the "type:name" words of a value; *alone*: every word is meant to be one."""
    try:
        words = split_words(value)
    except ConfigError:
        yield value  # opening it says what is wrong
        return
    kinds = map_types()
    for before, word in pairwise(("", *words)):
        if before.lower() == _POLICY:
            continue  # where the policy server is
        if word.startswith("{") and word.endswith("}"):
            yield from _specs(inside_braces(word), alone=False)
        elif alone or word.partition(":")[0] in kinds:
            yield word


def _proxied(configuration: Configuration, services: tuple[Service, ...]) -> str:
    """Return what "proxy:" may open: here, and in a service with settings of its own."""
    views = [{}, *(service.overrides for service in services)]
    return " ".join(configuration.value("proxy_read_maps", view) for view in views)


def _faults_of_table(
    spec: str, sensitive: bool, known: dict[tuple[str, bool], list[Fault]]
) -> list[Fault]:
    key = (spec, sensitive)
    if key not in known:
        known[key] = _faults_on_opening(lambda: open_map(spec, sensitive=sensitive))
    return known[key]


def _faults_on_opening(open_it: Callable[[], object]) -> list[Fault]:
    """Return what a service would say of a table, and whether what asks it would be deferred."""
    told: list[str] = []
    tell_problems(told.append, required=True)
    try:
        open_it()
    except ConfigError as error:
        return [Fault(str(error), stops=True)]
    finally:
        keep_problems()
    return [Fault(text, stops=False) for text in told]
