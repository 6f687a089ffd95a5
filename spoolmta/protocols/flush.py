"""The request for delivery now as it goes over public/flush, and the one word of the answer.

Name NUL value NUL pairs, an empty name ends it: request (send_all, send_site, send_file), site or
queue_id. The answer is the pair status and a word.

Postfix: flush(8)
"""

from typing import NamedTuple

from spoolmta.errors import RemoteProtocolError

ALL, SITE, MESSAGE = "send_all", "send_site", "send_file"
OK, DENIED, NOT_ELIGIBLE, FAILED = "ok", "denied", "not_eligible", "failed"
SOCKET = "public/flush"
REQUEST_BYTES = 1024

_OPERANDS = {ALL: None, SITE: "site", MESSAGE: "queue_id"}
_STATUSES = frozenset((OK, DENIED, NOT_ELIGIBLE, FAILED))


class Request(NamedTuple):
    """What is to be tried now: all, a site's mail, or one message; *operand* names the latter."""

    verb: str
    operand: str = ""


def format_request(request: Request) -> bytes:
    """Return the bytes of a request."""
    name = _OPERANDS[request.verb]
    fields = ["request", request.verb, *([] if name is None else [name, request.operand])]
    return b"".join(field.encode("utf-8", "surrogateescape") + b"\0" for field in fields) + b"\0"


def parse_request(data: bytes) -> Request | None:
    """Return the request; None if more of it is to come.

    Raises RemoteProtocolError: it is none.
    """
    if not data.endswith(b"\0\0"):
        if len(data) > REQUEST_BYTES:
            raise RemoteProtocolError("flush request: too long")
        return None
    words = data[:-2].decode("utf-8", "surrogateescape").split("\0")
    fields = dict(zip(words[::2], words[1::2], strict=False))
    verb = fields.get("request", "")
    if verb not in _OPERANDS:
        raise RemoteProtocolError("flush request: no such request")
    name = _OPERANDS[verb]
    operand = "" if name is None else fields.get(name, "")
    if name is not None and not operand:
        raise RemoteProtocolError(f"flush request: no {name}")
    return Request(verb, operand)


def format_answer(status: str) -> bytes:
    """Return the bytes of an answer."""
    return f"status\0{status}\0\0".encode()


def parse_answer(data: bytes) -> str:
    """Return the status in the whole of an answer.

    Raises RemoteProtocolError: it is none.
    """
    words = data.split(b"\0")
    status = words[1].decode("ascii", "replace") if words[0] == b"status" and words[1:] else ""
    if status not in _STATUSES or words[2:] != [b"", b""]:
        raise RemoteProtocolError("the answer of the flush service is not understood")
    return status
