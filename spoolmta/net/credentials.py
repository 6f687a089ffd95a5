"""Who is at the other end of a local socket: the kernel tells, nothing that a client says can."""

import socket
import struct

_CREDENTIALS = struct.Struct("iII")


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process that connected."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(data)
    return int(uid)
