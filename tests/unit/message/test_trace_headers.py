from collections.abc import Callable

import pytest

from spoolmta.message.trace_headers import (
    Peer,
    Receiver,
    count_hops,
    delivered_to,
    delivered_to_addresses,
    message_id,
    original_to,
    received_from_client,
    received_from_user,
    received_internally,
    return_path,
)

US = Receiver("mail.example.com", "Postfix")
AT = 1795536054.0


@pytest.fixture(autouse=True)
def _berlin(set_time_zone: Callable[[str], None]) -> None:
    set_time_zone("CET-1CEST,M3.5.0,M10.5.0/3")


def test_a_message_by_smtp_is_traced_with_its_one_recipient() -> None:
    peer = Peer("client.test", "localhost", "127.0.0.1", "ESMTP")
    assert received_from_client(US, peer, "C8E96212B2F", AT, recipient="a b@other.org") == (
        b"Received: from client.test (localhost [127.0.0.1])\r\n"
        b"\tby mail.example.com (Postfix) with ESMTP id C8E96212B2F\r\n"
        b'\tfor <"a b"@other.org>; Tue, 24 Nov 2026 17:00:54 +0100 (CET)\r\n'
    )


def test_a_message_to_several_recipients_names_none() -> None:
    peer = Peer("", "unknown", "IPv6:2001:db8::1", "ESMTPSA", ("Authenticated sender: joe",))
    assert received_from_client(US, peer, "ABC", AT) == (
        b"Received: from unknown (unknown [IPv6:2001:db8::1])\r\n"
        b"\t(Authenticated sender: joe)\r\n"
        b"\tby mail.example.com (Postfix) with ESMTPSA id ABC;\r\n"
        b"\tTue, 24 Nov 2026 17:00:54 +0100 (CET)\r\n"
    )


def test_a_message_of_a_user_names_the_user() -> None:
    assert received_from_user(US, 1000, "ABC", AT) == (
        b"Received: by mail.example.com (Postfix, from userid 1000)\r\n"
        b"\tid ABC; Tue, 24 Nov 2026 17:00:54 +0100 (CET)\r\n"
    )


def test_a_message_of_our_own_names_nobody() -> None:
    assert received_internally(US, "ABC", AT) == (
        b"Received: by mail.example.com (Postfix)\r\n"
        b"\tid ABC; Tue, 24 Nov 2026 17:00:54 +0100 (CET)\r\n"
    )


def test_headers_of_delivery_quote_their_addresses() -> None:
    assert return_path("") == b"Return-Path: <>\r\n"
    assert return_path("a b@x") == b'Return-Path: <"a b"@x>\r\n'
    assert delivered_to("a@x") == b"Delivered-To: a@x\r\n"
    assert original_to("ü@x") == "X-Original-To: ü@x\r\n".encode()


def test_a_message_id_is_made_of_time_and_queue_id() -> None:
    assert message_id("C8E9", AT, "mx.test") == "<20261124160054.C8E9@mx.test>"
    assert message_id("4jYz", AT, "mx.test", long_queue_ids=True) == "<4jYz@mx.test>"


def test_hops_and_earlier_deliveries_are_read() -> None:
    block = (
        b"Received: a\r\n\tReceived: folded\r\nX-Received: b\r\nreceived : c\r\n"
        b"Delivered-To: Joe@X\r\ndelivered-to:\r\n  ann@x\r\n"
    )
    assert count_hops(block) == 2
    assert delivered_to_addresses(block) == {"joe@x", "ann@x"}
