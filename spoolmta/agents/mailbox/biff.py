"""Word to comsat(8) that somebody has new mail: one datagram, and no matter who hears it.

Postfix:  local(8) biff, postconf(5) biff
Must not: fail or delay a delivery that has been made
"""

import socket
from contextlib import suppress

_HOST = "127.0.0.1"
_SERVICE = "biff"


def biff_port() -> int | None:
    """Return the port that comsat listens on; None if services(5) does not know it."""
    try:
        return socket.getservbyname(_SERVICE, "udp")
    except OSError:
        return None


def notify(port: int, user: str, offset: int) -> None:
    """Tell that a message for *user* begins at *offset* of the mailbox."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.setblocking(False)
        connection.sendto(f"{user}@{offset}\0".encode(), (_HOST, port))
