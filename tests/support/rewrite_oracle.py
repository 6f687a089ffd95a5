"""What Postfix's trivial-rewrite answers, asked over its own socket as qmgr and smtpd ask it.

A request and an answer are names and values that end in NUL; an empty name ends them. Addresses
are in internal form.
"""

import socket
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from spoolmta.address.routing import AddressClass

_CLASSES = {
    256: AddressClass.LOCAL,
    512: AddressClass.VIRTUAL_ALIAS,
    1024: AddressClass.VIRTUAL_MAILBOX,
    2048: AddressClass.RELAY,
    4096: AddressClass.DEFAULT,
}
_ROUTED, _MALFORMED, _FAILED = 2, 4, 8


class Answer(NamedTuple):
    """Where mail goes; *unknown*: some table gave no answer, and nothing else counts."""

    transport: str = ""
    nexthop: str = ""
    recipient: str = ""
    address_class: AddressClass = AddressClass.DEFAULT
    routed: bool = False
    malformed: bool = False
    unknown: bool = False


MALFORMED = Answer(malformed=True)
UNKNOWN = Answer(unknown=True)


def ask(queue: Path, address: str, sender: str) -> Answer:
    """Return where Postfix, whose queue is at *queue*, would send mail for *address*."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(queue / "private" / "rewrite"))
        stream = connection.makefile("rb")
        _read(stream)  # the name of the protocol
        request = {"request": "resolve", "sender": sender, "address": address}
        words = [word for pair in request.items() for word in pair]
        connection.sendall("".join(f"{word}\0" for word in (*words, "")).encode())
        values = _read(stream)
    flags = int(values.pop("flags"))
    if flags & _FAILED:
        return UNKNOWN
    if flags & _MALFORMED:
        return MALFORMED
    address_class = next(kind for bit, kind in _CLASSES.items() if flags & bit)
    return Answer(
        values["transport"],
        values["nexthop"],
        values["recipient"],
        address_class,
        routed=bool(flags & _ROUTED),
    )


def _read(stream: BufferedReader) -> dict[str, str]:
    values = {}
    while name := _word(stream):
        values[name] = _word(stream)
    return values


def _word(stream: BufferedReader) -> str:
    word = b""
    while (byte := stream.read(1)) not in (b"", b"\0"):
        word += byte
    return word.decode()
