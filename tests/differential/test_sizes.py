"""SIZE: what the SMTP client says of a message, and what the server answers, as Postfix does."""

import re
import smtplib
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem, wait_for
from tests.support.oracle import needs_postfix
from tests.support.postfix_oracle import PostfixOracle, is_installed
from tests.support.scripted_server import ScriptedServer

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

System = type[PostfixOracle] | type[MailSystem]

FORWARDED = "fwd@here.example"
MAIL = (
    b"Subject: plain\n\nhello\n",
    b"Subject: eight bits\n\nh\xe4llo\n",
    b"Subject: no line end\n\nlast line",
    b"Subject: dots\n\n.\n..\nFrom here\n",
    b"\nno header\n",
)
SIZES = (
    "SIZE=20000", "SIZE=20001", "SIZE=0", "SIZE=99999999999999999999", "SIZE=x", "SIZE=", "SIZE",
    "SIZE=-1", "SIZE=0020000",
)  # fmt: skip
SETTINGS = {
    "mail_owner": "postfix",
    "smtp_connection_cache_on_demand": "no",
    "relay_domains": "",
    "virtual_mailbox_domains": "",
    "virtual_alias_maps": f"inline:{{{FORWARDED}=out@far.example}}",
    "message_size_limit": "20000",
}


def sent(system_of: System, root: Path) -> list[int]:
    """Return by how many bytes SIZE is off what is sent, of each message and of its forwarding."""
    told = []
    with ScriptedServer() as server:
        settings = {**SETTINGS, "relayhost": f"[127.0.0.1]:{server.port}"}
        with system_of(root, settings) as system:
            for text in MAIL:
                for recipient in ("x@far.example", FORWARDED):
                    count = len(server.messages)
                    with smtplib.SMTP("127.0.0.1", system.port, timeout=20) as client:
                        client.sendmail("a@b.example", [recipient], text)
                    wait_for(lambda: len(server.messages) > count, 20, "the message")  # noqa: B023
                    mail = [line for line in server.commands if line.startswith("MAIL")][-1]
                    (size,) = re.findall(r"SIZE=(\d+)", mail)
                    told.append(int(size) - len(server.messages[-1].content))
    return told


def answered(system_of: System, root: Path, more: Mapping[str, str]) -> list[tuple[int, bytes]]:
    """Return what the server says to sizes, and to a message that is too large."""
    with (
        system_of(root, {**SETTINGS, **more}) as system,
        smtplib.SMTP("127.0.0.1", system.port, timeout=20) as client,
    ):
        client.ehlo("client.example")
        said = []
        for size in ("", *SIZES):
            said.append(client.docmd("MAIL", f"FROM:<a@b.example> {size}".strip()))
            client.rset()
        said += [client.mail("a@b.example"), client.rcpt("x@far.example")]
        if said[-1][0] == 250:
            said.append(client.data(b"Subject: x\n\n" + (b"z" * 70 + b"\n") * 400))
    return said


def test_size_is_what_is_sent() -> None:
    with tempfile.TemporaryDirectory(prefix="sizes-") as name:
        Path(name).chmod(0o755)
        theirs = sent(PostfixOracle, Path(name, "theirs"))
        assert sent(MailSystem, Path(name, "ours")) == theirs
        assert len(theirs) == 2 * len(MAIL)


@pytest.mark.parametrize(
    "more",
    [{}, {"queue_minfree": "1000000000000000", "message_size_limit": "0"}],
    ids=["limit", "full disk"],
)
def test_the_server_answers_sizes_the_same(more: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="sizes-") as name:
        Path(name).chmod(0o755)
        theirs = answered(PostfixOracle, Path(name, "theirs"), more)
        assert answered(MailSystem, Path(name, "ours"), more) == theirs
        assert theirs[0][0] == (452 if more else 250)
