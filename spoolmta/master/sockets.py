"""The listening sockets of services: bound by the master, used by the processes it forks.

Postfix:    master(5): service name and type
Parameters: inet_interfaces, inet_protocols, known_tcp_ports, queue_directory
Must not:   accept, or read what arrives
"""

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spoolmta.config.master_cf import Service
from spoolmta.errors import ConfigError
from spoolmta.net.endpoint import port_number

BACKLOG = 1024
SUBMIT_NAME = "submit"

_ANYWHERE = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where inet services listen if their name has no host, and what its port may be called."""

    inet_interfaces: str
    inet_protocols: str
    known_ports: Mapping[str, int]


def listen(
    service: Service, addresses: Addresses, queue_directory: Path
) -> tuple[socket.socket, ...]:
    """Return the listening sockets of an inet or unix service.

    Raises ConfigError: an address cannot be bound; the text says which, why, and where it stands.
    """
    if service.kind == "inet":
        return tuple(_listen_inet(service, addresses))
    folder = "private" if service.private else "public"
    return (listen_unix(queue_directory / folder / service.name, 0o666),)


def listen_unix(path: Path, mode: int) -> socket.socket:
    """Return a listening unix-domain socket at *path*, in place of what was there.

    Raises ConfigError: it cannot be bound.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        listener.bind(str(path))
        os.chmod(path, mode)  # noqa: PTH101
    except OSError as error:
        raise ConfigError(f"cannot listen at {path}: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


def _listen_inet(service: Service, addresses: Addresses) -> Iterator[socket.socket]:
    place = f"{service.file}, line {service.line}: service {service.name}"
    host, port = _split(service.name, addresses.known_ports, place)
    for family, address in dict.fromkeys(_interfaces(host, addresses, place)):
        listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            listener.close()
            raise ConfigError(
                f"{place}: cannot bind {address}, port {port}: {error.strerror}" + _advice(error)
            ) from error
        listener.listen(BACKLOG)
        yield listener


def _advice(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "; ports below 1024 need root, or choose a higher one"
    return "; stop what listens there, or choose another port"


def _split(name: str, known_ports: Mapping[str, int], place: str) -> tuple[str, int]:
    host, _, service = name.rpartition(":")
    try:
        return host.strip("[]"), port_number(service, known_ports)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def _interfaces(
    host: str, addresses: Addresses, place: str
) -> Iterator[tuple[socket.AddressFamily, str]]:
    families = _families(addresses.inet_protocols)
    hosts = [host] if host else addresses.inet_interfaces.replace(",", " ").split()
    for name in hosts:
        wildcard = {"all": _ANYWHERE, "loopback-only": _LOOPBACK}.get(name)
        if wildcard is not None:
            yield from ((family, wildcard[family]) for family in families)
        else:
            yield from _look_up(name.strip("[]"), families, place)


def _families(inet_protocols: str) -> list[socket.AddressFamily]:
    words = inet_protocols.replace(",", " ").split()
    families = []
    if "all" in words or "ipv4" in words:
        families.append(socket.AF_INET)
    if ("all" in words or "ipv6" in words) and _has_ipv6():
        families.append(socket.AF_INET6)
    return families


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _look_up(
    name: str, families: list[socket.AddressFamily], place: str
) -> Iterator[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigError(f"{place}: no address for host {name}: {error.strerror}") from error
    for family, _, _, _, address in found:
        if family in families:
            yield family, str(address[0])
