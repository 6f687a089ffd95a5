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
    parameters = configuration.section(CommonParameters, service.overrides)
    try:
        owner = account(parameters.mail_owner)
        attributes = parse_attributes(service.arguments)
        is_privileged = os.geteuid() == 0 and owner.pw_uid != 0
        uid = identity_of(attributes.user, owner, is_privileged=is_privileged).uid
        for argument in attributes.argv:
            parse_argument(argument)
    except ConfigError as error:
        yield Fault(stops=True, text=str(error))
        return
    if not is_privileged and uid != os.geteuid():
        yield Fault(stops=False, text=_as_nobody_else(attributes.user))
    yield from _flags(configuration, service.name, attributes)
    program = Path(
        f"{attributes.chroot}/{attributes.argv[0]}" if attributes.chroot else attributes.argv[0]
    )
    if program.is_absolute() and not program.exists():
        yield Fault(stops=False, text=f"there is no program {program}")


def _as_nobody_else(user: str) -> str:
    own = pwd.getpwuid(os.geteuid()).pw_name
    return (
        f"user={user}: a mail system that {own} starts runs commands as {own} only;"
        " mail for this service waits unless root starts it, with a mail_owner of its own"
    )


def _flags(configuration: Configuration, name: str, attributes: Attributes) -> Iterator[Fault]:
    limit = configuration.transport_number(name, "_destination_recipient_limit")
    for flag in (DELIVERED_TO, ORIGINAL_TO):
        if flag in attributes.flags and limit != 1:
            text = f"flag {flag} requires {name}_destination_recipient_limit = 1"
            yield Fault(stops=False, text=f"{text}; mail for several recipients at once waits")
