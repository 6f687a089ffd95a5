"""Addresses with ten maps configured: headers rewritten, recipients resolved, on one core.

The maps are tables in files, each of many entries; one address in two is in one of them, and each
comes several times, as the same people write and are written to. What is measured is
what cleanup and trivial-rewrite do for each, in one process, without a queue.
"""

import asyncio
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from spoolmta.address.canonical import AddressKind
from spoolmta.address.generic import Generic
from spoolmta.address.resolve import resolve
from spoolmta.address.routing import Routing
from spoolmta.address.virtual_alias import expand_virtual_aliases
from spoolmta.config.loader import from_text
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.smtp import SmtpParameters
from spoolmta.maillog import MailLog
from spoolmta.maps import open_maps
from spoolmta.message.address_header import change_addresses
from spoolmta.stages.cleanup.rewriting import Rewriting
from spoolmta.stages.cleanup.rules import CleanupRules
from tests.support.mail_system import BIN
from tools.bench.figures import Figures
from tools.bench.stand import Stand

_ENTRIES = 10_000
_QUICK_ENTRIES = 200
_PEOPLE = 2_000
_TIMES = 10
_TOKEN_LIMIT = 10240
_MAIN = """\
compatibility_level = 3.11
myhostname = mx.test.example
mydestination = local.example
relay_domains = dom.example
recipient_delimiter = +
masquerade_domains = hidden.example
masquerade_exceptions = root
"""


def _address(number: int) -> str:
    return f"user{number}@dom{number % 100}.example"


# For each parameter, what stands in its table for one address.
_VALUES = {
    "canonical_maps": "common{n}@new.example",
    "sender_canonical_maps": "sender{n}@host.hidden.example",
    "recipient_canonical_maps": "recipient{n}@new.example",
    "virtual_alias_maps": "alias{n}@dom.example",
    "transport_maps": "smtp:[192.0.2.1]",
    "relocated_maps": "elsewhere{n}@new.example",
    "sender_dependent_relayhost_maps": "[relay.example]",
    "sender_dependent_default_transport_maps": "smtp:",
    "smtp_generic_maps": "generic{n}@out.example",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Headers rewritten and recipients resolved in a second."""

    name: str
    meaning: str
    systems: tuple[str, ...] = ("spoolmta",)

    def measure(self, stand: Stand) -> Figures:
        """Return the figures: they count for one core."""
        entries = _QUICK_ENTRIES if stand.effort.quick else _ENTRIES
        folder = stand.place.root / "tables"
        folder.mkdir(parents=True)
        main = _MAIN + "".join(_table(folder, name, entries) for name in _VALUES)
        return asyncio.run(_figures(main, entries))


def _table(folder: Path, name: str, entries: int) -> str:
    """Write and build one table; return its line of main.cf."""
    path = folder / name
    value = _VALUES[name]
    # Each table has other addresses, so that an address is replaced by one of them at most.
    first = list(_VALUES).index(name) * entries
    numbers = range(first, first + entries)
    with path.open("w") as file:
        file.writelines(f"{_address(n)} {value.format(n=n)}\n" for n in numbers)
    subprocess.run([str(BIN / "postmap"), f"hash:{path}"], check=True)
    return f"{name} = hash:{path}\n"


async def _figures(main: str, entries: int) -> Figures:
    configuration = from_text(main)
    routing = Routing.open(configuration.section(RoutingParameters))
    log = MailLog.open(configuration, "cleanup", command=True)
    rewriting = Rewriting(CleanupRules.open(configuration, log), routing, print, local=True)
    assert rewriting.header_rules is not None
    generic = Generic(
        open_maps(configuration.section(SmtpParameters).smtp_generic_maps),
        "smtp_generic_maps",
        routing,
        print,
    )
    senders, recipients = (
        rewriting.header_change(rewriting.header_rules, kind)
        for kind in (AddressKind.HEADER_SENDER, AddressKind.HEADER_RECIPIENT)
    )
    # One address in two is in a table, the other in none; each comes ten times.
    step = max(entries // _PEOPLE, 1)
    numbers = [n if n % 2 else n + 100 * entries for n in range(0, 3 * entries, 3 * step)]
    started = time.process_time()
    for number in numbers * _TIMES:
        name, change = (b"From", senders) if number % 3 else (b"To", recipients)
        raw = b"%s: User No. %d <%s>\r\n" % (name, number, _address(number).encode())
        await change_addresses(raw, change, token_limit=_TOKEN_LIMIT)
    headers = time.process_time() - started
    every = [n if n % 2 else n + 100 * entries for n in range(3 * entries, 8 * entries, 5 * step)]
    started = time.process_time()
    for number in every * _TIMES:
        for address in await expand_virtual_aliases(_address(number), routing):
            await resolve(address, sender=_address(number + 1), routing=routing)
    resolutions = time.process_time() - started
    started = time.process_time()
    for number in every * _TIMES:
        await generic.replaced(_address(number))
    generics = time.process_time() - started
    return {
        "headers rewritten/s": len(numbers) * _TIMES / headers,
        "recipients resolved/s": len(every) * _TIMES / resolutions,
        "generic addresses/s": len(every) * _TIMES / generics,
    }
