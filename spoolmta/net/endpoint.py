"""Servers as the configuration names them: host, [host]:port, inet:host:port, unix:path.

Parsing only; nothing is looked up in the name service.

Postfix:    smtp(8) "SMTP destination syntax", "LMTP destination syntax"
Parameters: known_tcp_ports (its text is handed in)
Must not:   connect, or resolve a host name
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from spoolmta.errors import ConfigError

HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server: *host* and *port* of a TCP server, or the *path* of a unix-domain one.

    *literal* tells that the host stood in [], which in SMTP means: no MX lookup.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    literal: bool = False

    @property
    def is_unix(self) -> bool:
        """True for a unix-domain server."""
        return bool(self.path)


def parse_endpoint(
    text: str, *, default_service: str = "", known_ports: Mapping[str, int] | None = None
) -> Endpoint:
    """Return the server that *text* names, in any of the forms of this file.

    Raises ConfigError: the text names no server; the caller adds where it stands.
    """
    kind, mark, rest = text.partition(":")
    if mark and kind == "unix":
        if not rest:
            raise ConfigError(f'no path after "unix:" in "{text}"')
        return Endpoint(path=rest)
    if mark and kind == "inet":
        text = rest
    host, service, literal = split_host_service(text)
    return Endpoint(host, port_number(service or default_service, known_ports), literal=literal)


def split_host_service(text: str) -> tuple[str, str, bool]:
    """Return host, service ("" if not given) and whether the host stood in [].

    Raises ConfigError: brackets do not match, or there is no host.
    """
    if text.startswith("["):
        host, mark, rest = text[1:].partition("]")
        if not mark or not host or (rest and not rest.startswith(":")):
            raise ConfigError(f'bad host or port in "{text}": expected [host] or [host]:port')
        return host, rest[1:], True
    host, _, service = text.partition(":")
    if not host or ":" in service:
        raise ConfigError(f'bad host or port in "{text}": expected host, host:port or [host]:port')
    return host, service, False


def port_number(service: str, known_ports: Mapping[str, int] | None = None) -> int:
    """Return the TCP port of a service, given as a number or a name.

    Raises ConfigError: there is no such port or service.
    """
    if known_ports and service in known_ports:
        return known_ports[service]
    if service.isascii() and service.isdigit():
        if 0 < int(service) <= HIGHEST_PORT:
            return int(service)
        raise ConfigError(f"bad network port: {service}")
    try:
        return socket.getservbyname(service, "tcp")
    except (OSError, ValueError):
        raise ConfigError(f"unknown service: {service}/tcp") from None


def parse_known_ports(text: str) -> dict[str, int]:
    """Return the table of known_tcp_ports: "smtps=submissions=465, smtp=25".

    Raises ConfigError: an entry does not end in a port number.
    """
    table: dict[str, int] = {}
    for entry in text.replace(",", " ").split():
        *names, port = entry.split("=")
        if not all(names) or not names or not (port.isascii() and port.isdigit()):
            raise ConfigError(f'bad entry "{entry}": expected name=port')
        table.update(dict.fromkeys(names, port_number(port)))
    return table
