"""Lists of clients that mix names, networks, files, tables and "!": who is in them, as in Postfix.

A real smtpd is told each client's name and address by XCLIENT, and permits those in mynetworks.
"""

import asyncio
import random
import smtplib
from pathlib import Path

import pytest

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import open_match_list
from spoolmta.maps.watched import keep_problems, tell_problems
from tests.support import postfix_oracle
from tests.support.mail_system import free_port
from tests.support.postfix_oracle import PostfixOracle
from tests.support.rights import let_everybody_into

CLIENTS = [
    ("host.example.com", "192.0.2.1"),
    ("mail.example.com", "10.1.2.3"),
    ("example.com", "10.2.0.1"),
    ("other.test", "192.0.2.1"),
    ("unknown", "10.1.2.3"),
    ("unknown", "192.0.2.9"),
    ("host.example.com", "2001:db8::1"),
]
LISTS = [
    "!192.0.2.1 .example.com",
    ".example.com !192.0.2.1",
    "!host.example.com 192.0.2.0/24",
    "192.0.2.0/24 !host.example.com",
    "!mail.example.com 10.0.0.0/8 example.com",
    "!unknown 10.0.0.0/8",
    "unknown",
    "!inline:{host.example.com=x} 192.0.2.0/24 [2001:db8::]/32",
    "inline:{10.1.2.3=x} !10.0.0.0/8 example.com",
    "!cidr:{{10.1.0.0/16 x}} unknown 10.0.0.0/8",
    "regexp:{{/^mail/ x}} !example.com .example.com",
    "!{folder}/inside example.com 10.0.0.0/8",
    "{folder}/inside !192.0.2.0/24 other.test host.example.com",
    "other.test {folder}/missing 10.0.0.0/8",
    "10.0.0.0/8 fail:x host.example.com",
    "!!host.example.com !192.0.2.1 0.0.0.0/0",
]
_WORDS = [
    "host.example.com",
    ".example.com",
    "example.com",
    "unknown",
    "192.0.2.1",
    "10.1.0.0/16",
    "10.0.0.0/8",
    "[2001:db8::]/32",
    "inline:{other.test=x}",
    "cidr:{{192.0.2.0/28 x}}",
]


def generated(count: int) -> list[str]:
    chosen = random.Random(7)
    return [
        " ".join(chosen.choice(("", "!")) + word for word in chosen.sample(_WORDS, 4))
        for _ in range(count)
    ]


def verdict(server: smtplib.SMTP, name: str, address: str) -> str:
    """Return "yes", "no" or "later"."""
    given = "[UNAVAILABLE]" if name == "unknown" else name
    shown = f"IPV6:{address}" if ":" in address else address
    assert server.docmd(f"XCLIENT NAME={given} ADDR={shown}")[0] == 220
    server.docmd("EHLO client.example")
    server.docmd("MAIL FROM:<>")
    code, _ = server.docmd("RCPT TO:<a@b.test>")
    return {250: "yes", 554: "no", 451: "later"}[code]


def ours(text: str, name: str, address: str) -> str:
    told: list[str] = []
    tell_problems(told.append)
    try:
        found = asyncio.run(open_match_list(text, parents=True).client_matches(name, address))
    except (ConfigError, MapUnavailable):
        return "later"
    finally:
        keep_problems()
    return "yes" if found else "no"


@pytest.mark.root
@pytest.mark.skipif(not postfix_oracle.is_installed(), reason="Debian's postfix is not installed")
def test_the_same_clients_are_in_a_list(tmp_path: Path) -> None:
    let_everybody_into(tmp_path)
    (tmp_path / "inside").write_text("# ours\n!10.1.2.3\nmail.example.com 192.0.2.1\n")
    lists = [text.replace("{folder}", str(tmp_path)) for text in LISTS] + generated(12)
    ports = [free_port() for _ in lists]
    services = "".join(
        f"127.0.0.1:{port} inet n - n - - smtpd -o {{ mynetworks = {text} }}\n"
        for port, text in zip(ports, lists, strict=True)
    )
    settings = {
        "smtpd_authorized_xclient_hosts": "127.0.0.1",
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
        "smtpd_peername_lookup": "no",
        "inet_protocols": "all",
    }
    theirs = {}
    with PostfixOracle(tmp_path / "postfix", settings, services):
        for port, text in zip(ports, lists, strict=True):
            for name, address in CLIENTS:
                with smtplib.SMTP("127.0.0.1", port) as server:
                    theirs[text, name, address] = verdict(server, name, address)
    assert {asked: ours(*asked) for asked in theirs} == theirs
    assert len(set(theirs.values())) == 3
