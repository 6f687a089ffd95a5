"""The commands of master.cf that mail is handed to: whether they can be run, and as whom.

Postfix:    pipe(8)
Reads:      the system's accounts, and whether the programs are there
"""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spoolmta.agents.pipe.arguments import parse_argument
from spoolmta.agents.pipe.attributes import (
    DELIVERED_TO,
    ORIGINAL_TO,
    Attributes,
    identity_of,
    parse_attributes,
)
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.errors import ConfigError
from spoolmta.service.privileges import account


class Fault(NamedTuple):
    """What is wrong with a service; *stops*: no mail is handed over until it is put right."""

    stops: bool
    text: str


def faults(configuration: Configuration, services: tuple[Service, ...]) -> Iterator[Fault]:
    """Return what is wrong with the services that run commands."""
    for service in services:
        if service.command == "pipe":
            place = f"{service.file}, line {service.line}: service {service.key}"
            for fault in _of_service(configuration, service):
                yield Fault(fault.stops, f"{place}: {fault.text}")


def _of_service(configuration: Configuration, service: Service) -> Iterator[Fault]:
    try:
        attributes = parse_attributes(service.arguments)
        for argument in attributes.argv:
            parse_argument(argument)
    except ConfigError as error:
        yield Fault(stops=True, text=str(error))
        return
    if text := _refusal(configuration, service, attributes.user):
        # Stock files have services for users that most machines lack; none of them need be used.
        yield Fault(stops=False, text=f"{text}; mail for this service waits")
    yield from _flags(configuration, service.name, attributes)
    name = attributes.argv[0]
    program = Path(f"{attributes.chroot}/{name}" if attributes.chroot else name)
    if program.is_absolute() and not program.exists():
        yield Fault(stops=False, text=f"there is no program {program}")


def _refusal(configuration: Configuration, service: Service, user: str) -> str:
    """Return why a command does not run as *user*; "" if it does."""
    parameters = configuration.section(CommonParameters, service.overrides)
    try:
        owner = account(parameters.mail_owner)
        is_privileged = os.geteuid() == 0 and owner.pw_uid != 0
        identity = identity_of(user, owner, is_privileged=is_privileged)
    except ConfigError as error:
        return str(error)
    if is_privileged or identity.uid == os.geteuid():
        return ""
    own = pwd.getpwuid(os.geteuid()).pw_name
    return (
        f"user={user}: a mail system that {own} starts runs commands as {own} only, and as others"
        " if root starts it with a mail_owner of its own"
    )


def _flags(configuration: Configuration, name: str, attributes: Attributes) -> Iterator[Fault]:
    limit = configuration.transport_number(name, "_destination_recipient_limit")
    for flag in (DELIVERED_TO, ORIGINAL_TO):
        if flag in attributes.flags and limit != 1:
            text = f"flag {flag} requires {name}_destination_recipient_limit = 1"
            yield Fault(stops=False, text=f"{text}; mail for several recipients at once waits")
