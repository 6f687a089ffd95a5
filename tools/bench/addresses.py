"""Addresses with ten maps configured: headers rewritten, recipients resolved, on one core.

The maps are tables in files, each of many entries; one address in two is in one of them. What is
measured is what cleanup and trivial-rewrite do for each, in one process, without a queue.

Each is measured twice: with addresses that are all different, and with ten times those of fewer
people, so that nine in ten came before, as the same people write and are written to; but hardly
ever with the same sender and recipient again.
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
from spoolmta.message.address_header import Change, change_addresses
from spoolmta.message.turn import Turn
from spoolmta.stages.cleanup.rewriting import Rewriting
from spoolmta.stages.cleanup.rules import CleanupRules
from tests.support.forked import BIN
from tools.bench.figures import Figures
from tools.bench.stand import Stand

_ENTRIES = 10_000
_QUICK_ENTRIES = 200
_PEOPLE = 2_000
_TIMES = 10
_DIFFERENT = 20_000
# So many addresses go by before; the number of the first one, which is in no table.
_WARM_UP = 5_000
_ELSEWHERE = 2_000_000
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
    changes = [
        rewriting.header_change(rewriting.header_rules, kind)
        for kind in (AddressKind.HEADER_SENDER, AddressKind.HEADER_RECIPIENT)
    ]
    warm_up = list(range(_ELSEWHERE, _ELSEWHERE + _WARM_UP))
    await _headers(warm_up, changes)
    await _resolutions(warm_up, routing)
    await _generics(warm_up, generic)
    figures: Figures = {}
    for name, people, times in (("all different", _DIFFERENT, 1), ("repeated", _PEOPLE, _TIMES)):
        numbers = _numbers(0, 3 * entries, people) * times
        figures[f"headers rewritten/s, {name}"] = await _headers(numbers, changes)
        numbers = _numbers(3 * entries, 8 * entries, people) * times
        figures[f"recipients resolved/s, {name}"] = await _resolutions(numbers, routing)
        figures[f"generic addresses/s, {name}"] = await _generics(numbers, generic)
    return figures


def _numbers(first: int, end: int, count: int) -> list[int]:
    """Return the numbers of addresses; every other of them is in a table, if there are as many."""
    step = max((end - first) // count, 1)
    numbers = range(first, first + step * count, step)
    return [n if at % 2 and n < end else n + 1_000_000 for at, n in enumerate(numbers)]


async def _headers(numbers: list[int], changes: list[Change]) -> float:
    senders, recipients = changes
    turn = Turn()
    started = time.process_time()
    for number in numbers:
        name, change = (b"From", senders) if number % 3 else (b"To", recipients)
        raw = b"%s: User No. %d <%s>\r\n" % (name, number, _address(number).encode())
        await change_addresses(raw, change, token_limit=_TOKEN_LIMIT, turn=turn)
    return len(numbers) / (time.process_time() - started)


async def _resolutions(numbers: list[int], routing: Routing) -> float:
    started = time.process_time()
    for at, number in enumerate(numbers):
        sender = _address(numbers[at * 7 % len(numbers)])
        for address in await expand_virtual_aliases(_address(number), routing):
            await resolve(address, sender=sender, routing=routing)
    return len(numbers) / (time.process_time() - started)


async def _generics(numbers: list[int], generic: Generic) -> float:
    started = time.process_time()
    for number in numbers:
        await generic.replaced(_address(number))
    return len(numbers) / (time.process_time() - started)
