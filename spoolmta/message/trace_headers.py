"""The headers by which a message's way can be told: Received, Return-Path, Delivered-To, and so on.

They are bytes with CRLF line ends. What a client said (its HELO name) must already be free of
control characters. Addresses are in internal form and printed in external form.

Postfix:    smtpd(8), pickup(8), cleanup(8), local(8)
RFC:        5321 4.4, 5322 3.6.4, 6531 3.7.3
Parameters: myhostname, mail_name (their values are handed in)
"""

import re
import time

import msgspec

from spoolmta.address.quoting import quote
from spoolmta.message.dates import mail_date
from spoolmta.message.header import find_headers, split_headers

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)


class Receiver(msgspec.Struct, frozen=True):
    """Who we are, in a Received header: the values of myhostname and mail_name."""

    myhostname: str
    mail_name: str


class Peer(msgspec.Struct, frozen=True):
    """An SMTP client, in a Received header.

    *address* as in an address literal ("192.0.2.1", "IPv6:2001:db8::1"); *protocol* as in the
    with clause (ESMTP, ESMTPSA, UTF8SMTP ...). *remarks* are lines in parentheses: TLS, AUTH.
    """

    helo: str
    name: str
    address: str
    protocol: str
    remarks: tuple[str, ...] = ()


def received_from_client(
    receiver: Receiver, peer: Peer, queue_id: str, at: float, *, recipient: str = ""
) -> bytes:
    """Return the Received header of a message that came by SMTP.

    *recipient* is printed if the message has but one.
    """
    remarks = "".join([f"\t({remark})\r\n" for remark in peer.remarks]) if peer.remarks else ""
    end = f"\r\n\tfor <{quote(recipient)}>; " if recipient else ";\r\n\t"
    header = (
        f"Received: from {peer.helo or peer.name} ({peer.name} [{peer.address}])\r\n{remarks}"
        f"\tby {receiver.myhostname} ({receiver.mail_name}) with {peer.protocol} id {queue_id}"
        f"{end}{mail_date(at)}\r\n"
    )
    return header.encode("utf-8", "surrogateescape")


def received_from_user(receiver: Receiver, uid: int, queue_id: str, at: float) -> bytes:
    """Return the Received header of a message that a user of this machine handed in."""
    by = f"Received: by {receiver.myhostname} ({receiver.mail_name}, from userid {uid})"
    return _encode([by, f"\tid {queue_id}; {mail_date(at)}"])


def received_internally(receiver: Receiver, queue_id: str, at: float) -> bytes:
    """Return the Received header of a message that the mail system itself made or forwards."""
    by = f"Received: by {receiver.myhostname} ({receiver.mail_name})"
    return _encode([by, f"\tid {queue_id}; {mail_date(at)}"])


def return_path(sender: str) -> bytes:
    """Return the Return-Path header; "" is the null sender."""
    return _encode([f"Return-Path: <{quote(sender) if sender else ''}>"])


def delivered_to(recipient: str) -> bytes:
    """Return the header by which local(8) knows a message that it has seen before."""
    return _encode([f"Delivered-To: {quote(recipient)}"])


def original_to(recipient: str) -> bytes:
    """Return the header that names the recipient as it was received."""
    return _encode([f"X-Original-To: {quote(recipient)}"])


def message_id(queue_id: str, at: float, myhostname: str, *, long_queue_ids: bool = False) -> str:
    """Return a message id for a message that has none, with its <>."""
    if long_queue_ids:
        return f"<{queue_id}@{myhostname}>"
    return f"<{time.strftime('%Y%m%d%H%M%S', time.gmtime(at))}.{queue_id}@{myhostname}>"


def count_hops(block: bytes) -> int:
    """Return how many Received headers a header block has."""
    return len(_RECEIVED.findall(block))


def delivered_to_addresses(block: bytes) -> frozenset[str]:
    """Return what the Delivered-To headers of a header block name, folded to lower case."""
    found = find_headers(split_headers(block), b"delivered-to")
    return frozenset(header.text.lower() for header in found)


def _encode(lines: list[str]) -> bytes:
    return "\r\n".join((*lines, "")).encode("utf-8", "surrogateescape")
