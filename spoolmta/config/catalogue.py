"""Every parameter that Postfix knows, whether or not it is in force here.

The catalogue answers what a name that this process does not use would be by default, so that
postconf(1) can print it and $name can refer to it, and it tells a known name from a slip.
Beside it stand the names that each transport of master.cf brings along.

Postfix:    postconf(5), qmgr(8)
"""

from collections.abc import Iterable
from functools import cache

from spoolmta.config.master_cf import Columns
from spoolmta.config.parameter import Section
from spoolmta.config.parameters import sections, sections_of_services

FORMER = frozenset(("extract_recipient_limit", "fallback_relay", "virtual_maps"))
"""Old names that are still read, and that Postfix's postconf does not print."""


def default(name: str) -> str | None:
    """Return the default of a parameter as main.cf text; None if Postfix has none."""
    return known().get(name)


@cache
def known() -> dict[str, str]:
    """Return the defaults of the parameters, in the order of their names."""
    defaults = {n: p.default for section in sections() for n, p in section.parameters.items()}
    return {name: defaults[name] for name in sorted(defaults.keys() - FORMER)}


def of_transports(services: Iterable[Columns]) -> dict[str, str]:
    """Return the parameters that *services* bring along, with their defaults.

    As in postconf(1), a delivery agent does so whatever its type, but not one whose command is
    a path.
    """
    return {
        service.fields[0] + suffix: parameter.default
        for service in services
        for section in sections_of_services()
        if service.fields[7] in section.brought_by
        for suffix, parameter in section.parameters.items()
    }


def section_of_suffix(name: str) -> type[Section] | None:
    """Return the section that has *name* of some service: the one with the longest end of it."""
    found = [
        (len(suffix), section)
        for section in sections_of_services()
        for suffix in section.parameters
        if name.endswith(suffix)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None
