"""Every parameter that Postfix knows, also those that no section declares.

The catalogue answers what a name that this process does not use would be by default, so that
postconf(1) can print it and $name can refer to it, and it tells a known name from a slip.
Beside it stand the names that each transport of master.cf brings along.

Postfix:    postconf(5), qmgr(8)
Reads:      catalogue.cf
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from spoolmta.config.master_cf import Columns

_SCHEDULING = {
    "_delivery_slot_cost": "$default_delivery_slot_cost",
    "_delivery_slot_discount": "$default_delivery_slot_discount",
    "_delivery_slot_loan": "$default_delivery_slot_loan",
    "_destination_concurrency_failed_cohort_limit": (
        "$default_destination_concurrency_failed_cohort_limit"
    ),
    "_destination_concurrency_limit": "$default_destination_concurrency_limit",
    "_destination_concurrency_negative_feedback": (
        "$default_destination_concurrency_negative_feedback"
    ),
    "_destination_concurrency_positive_feedback": (
        "$default_destination_concurrency_positive_feedback"
    ),
    "_destination_rate_delay": "$default_destination_rate_delay",
    "_destination_recipient_limit": "$default_destination_recipient_limit",
    "_extra_recipient_limit": "$default_extra_recipient_limit",
    "_initial_destination_concurrency": "$initial_destination_concurrency",
    "_minimum_delivery_slots": "$default_minimum_delivery_slots",
    "_recipient_limit": "$default_recipient_limit",
    "_recipient_refill_delay": "$default_recipient_refill_delay",
    "_recipient_refill_limit": "$default_recipient_refill_limit",
    "_transport_rate_delay": "$default_transport_rate_delay",
}
_TIME_LIMIT = {"_time_limit": "$command_time_limit"}
_AGENTS = frozenset(("local", "virtual", "smtp", "lmtp", "pipe", "error"))
_COMMAND_RUNNERS = frozenset(("pipe", "spawn"))


def default(name: str) -> str | None:
    """Return the default of an undeclared parameter as main.cf text; None if Postfix has none."""
    return known().get(name)


@cache
def known() -> dict[str, str]:
    """Return the defaults of the parameters in the catalogue, by name."""
    text = Path(__file__).with_name("catalogue.cf").read_text("utf-8")
    names: dict[str, str] = {}
    for line in text.split("\n"):
        name, mark, value = line.partition(" =")
        if mark and not line.startswith("#"):
            names[name] = value.strip()
    return names


def of_transports(services: Iterable[Columns]) -> dict[str, str]:
    """Return the parameters that *services* bring along, with their defaults.

    As in postconf(1), a delivery agent does so whatever its type, but not one whose command is
    a path.
    """
    names: dict[str, str] = {}
    for service in services:
        name, command = service.fields[0], service.fields[7]
        suffixes = dict(_SCHEDULING) if command in _AGENTS else {}
        if command in _COMMAND_RUNNERS:
            suffixes |= _TIME_LIMIT
        names |= {name + suffix: value for suffix, value in suffixes.items()}
    return names


def is_of_transport(name: str) -> bool:
    """Return whether *name* ends like a parameter of some transport."""
    return name.endswith((*_SCHEDULING, *_TIME_LIMIT))
