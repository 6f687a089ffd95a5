"""Who the client is: its address, and the name that leads back to it.

A name counts only if it resolves to the address it came from; otherwise the client is "unknown".
Names are asked of the system's resolver, as /etc/hosts and nsswitch.conf say, in a thread, and
kept for a short while.

Postfix:    smtpd_peer(8), postconf(5) smtpd_peername_lookup
Parameters: smtpd_peername_lookup
Must not:   hold up the sessions of others
"""

import asyncio
import socket
import time
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

from spoolmta.address.hostname import is_hostname
from spoolmta.net.network import parse_address

UNKNOWN = "unknown"


class NameStatus(Enum):
    """What came of looking for the client's name."""

    OK = "ok"
    TEMPORARY = "no answer now"
    NONE = "there is none"
    FORGED = "it does not lead back"


@dataclass(frozen=True, slots=True)
class Peer:
    """A client. *name* is verified; *reverse_name* is what its address says, verified or not.

    *doubt* is why reverse_name was not believed, for the log.
    """

    address: str
    name: str = UNKNOWN
    reverse_name: str = UNKNOWN
    name_status: NameStatus = NameStatus.NONE
    reverse_status: NameStatus = NameStatus.NONE
    doubt: str | None = None
    sasl_method: str = ""
    sasl_username: str = ""
    sasl_sender: str = ""

    @property
    def shown(self) -> str:
        """The client as replies and log lines show it."""
        return f"{self.name}[{self.address}]"


class PeerNames:
    """Finds the names of clients; one per process."""

    def __init__(self, *, looks_up: bool) -> None:
        """Unless it *looks_up* names, all clients are unknown."""
        self._looks_up = looks_up
        self._known: OrderedDict[str, tuple[float, Peer]] = OrderedDict()

    async def find(self, host: str) -> Peer:
        """Return the client at *host*, an address in the system's notation, with its name."""
        entry = self._known.get(host)
        if entry is not None and time.monotonic() < entry[0]:
            return entry[1]
        address = normal_address(host)
        if not self._looks_up:
            peer = Peer(address)
        else:
            loop = asyncio.get_running_loop()
            peer = await loop.run_in_executor(None, _look_up, address)
        if peer.name_status is not NameStatus.TEMPORARY:
            self._known[host] = (time.monotonic() + _REMEMBERED_SECONDS, peer)
            if len(self._known) > _REMEMBERED_CLIENTS:
                self._known.popitem(last=False)
        return peer


def normal_address(host: str) -> str:
    """Return an address without zone; an IPv4 address in IPv6's clothes is that IPv4 address."""
    address = parse_address(host.partition("%")[0])
    return host if address is None else str(address)


_REMEMBERED_SECONDS = 60.0
_REMEMBERED_CLIENTS = 4096
_TEMPORARY = (socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM)


def _look_up(address: str) -> Peer:
    try:
        name = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0].removesuffix(".")
    except socket.gaierror as error:
        status = _status(error, NameStatus.NONE)
        return Peer(address, name_status=status, reverse_status=status)
    if not is_hostname(name):
        return Peer(address)
    reason, status = "", NameStatus.FORGED
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        reason, status = error.strerror or "", _status(error, NameStatus.FORGED)
    else:
        if any(parse_address(str(entry[4][0])) == parse_address(address) for entry in found):
            return Peer(address, name, name, NameStatus.OK, NameStatus.OK)
    return Peer(address, UNKNOWN, name, status, NameStatus.OK, doubt=reason)


def _status(error: socket.gaierror, otherwise: NameStatus) -> NameStatus:
    return NameStatus.TEMPORARY if error.errno in _TEMPORARY else otherwise
