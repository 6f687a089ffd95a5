"""Defaults that the machine or the process decides: myhostname, mydomain, mynetworks, ...

Postfix:    postconf(5) myhostname, mydomain, mynetworks, process_name
Reads:      the machine's name
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

Value = Callable[[str], str]
Explicit = Callable[[str], str | None]
Maker = Callable[[Value, Explicit], str]

UNKNOWN = "localdomain"


def default_myhostname(value: Value, explicit: Explicit) -> str:
    """Return the machine's name; one without a dot is completed with mydomain."""
    domain = value("mydomain") if explicit("mydomain") is not None else UNKNOWN
    return machine_name(domain)


def machine_name(domain: str = UNKNOWN) -> str:
    """Return the name the machine gives itself, completed with *domain* if it has no dot."""
    name = os.uname().nodename or "localhost"
    return name if "." in name else f"{name}.{domain}"


def default_mydomain(value: Value, explicit: Explicit) -> str:
    """Return myhostname without its first label; "localdomain" if nothing is left."""
    name = explicit("myhostname")
    if name is None or "$mydomain" in name or "mydomain}" in name or "mydomain)" in name:
        name = os.uname().nodename
    else:
        name = value("myhostname")
    return name.partition(".")[2] or UNKNOWN


def default_mynetworks(value: Value, explicit: Explicit) -> str:  # noqa: ARG001
    """Return the networks of this machine's interfaces, as mynetworks_style says.

    Raises ConfigError: a host name in inet_interfaces has no address.
    """
    from spoolmta.config.own_networks import own_networks

    words = value("inet_interfaces").replace(",", " ").split()
    families = value("inet_protocols").replace(",", " ").split()
    return own_networks(value("mynetworks_style").lower(), words, families)


def _process_name(value: Value, explicit: Explicit) -> str:  # noqa: ARG001
    return Path(sys.argv[0]).name


def _process_id(value: Value, explicit: Explicit) -> str:  # noqa: ARG001
    return str(os.getpid())


COMPUTED: Mapping[str, Maker] = {
    "myhostname": default_myhostname,
    "mydomain": default_mydomain,
    "mynetworks": default_mynetworks,
    "process_name": _process_name,
    "process_id": _process_id,
}
"""By name: what makes the default, from the other values and from what main.cf says itself."""
