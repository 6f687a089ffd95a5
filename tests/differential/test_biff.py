"""What comsat(8) hears of local mail: from Postfix and from ours, one after the other.

There is one port for it on a machine: who else has it is waited for, and what others' mail makes it
hear is left out, for which the users here get mail in no other test.
"""

import contextlib
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem, wait_for
from tests.support.oracle import needs_postfix
from tests.support.postfix_oracle import PostfixOracle, is_installed

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

ADDRESSES = ("uucp", "uucp", "uucp+ext", "touucp", "tofile", "irc")
USERS = ("uucp", "irc")
MAIL = b"Date: Mon, 30 Nov 2026 07:10:38 +0000\nFrom: x@y.example\nSubject: x\n\nhello\n"


def heard(system_of: type[PostfixOracle] | type[MailSystem], more: Mapping[str, str]) -> list[str]:
    """Return who was told to have mail, and whether in the beginning of the mailbox."""
    with (
        tempfile.TemporaryDirectory(prefix="biff-") as name,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as comsat,
    ):
        wait_for(lambda: _has_bound(comsat), 100, "the port of comsat")
        comsat.setblocking(False)
        root, spool = Path(name), Path(name, "mail")
        root.chmod(0o755)
        spool.mkdir()
        spool.chmod(0o1777)
        aliases = f"{{tofile = {spool}/afile}}, {{touucp = uucp@mx.test.example}}"
        settings = {
            "mydestination": "mx.test.example",
            "mail_spool_directory": str(spool),
            "recipient_delimiter": "+",
            "alias_maps": f"inline:{{ {aliases} }}",
            "mail_owner": "postfix",
            **more,
        }
        told = []
        with system_of(root / "system", settings) as system:
            for number, address in enumerate(ADDRESSES, 1):
                arguments = ("-f", "me@here.example", f"{address}@mx.test.example")
                system.run("sendmail", *arguments, stdin=MAIL)
                wait_for(lambda: _done(system.log()) >= number, 30, system.log())  # noqa: B023
                told.append(_received(comsat))
    return told


def _done(log: str) -> int:
    """Return how many of the messages are gone; comsat is told before that, if it is told."""
    return log.count(": removed")


def _has_bound(comsat: socket.socket) -> bool:
    with contextlib.suppress(OSError):
        comsat.bind(("127.0.0.1", socket.getservbyname("biff", "udp")))
        return True
    return False


def _received(comsat: socket.socket) -> str:
    told = []
    with contextlib.suppress(BlockingIOError):
        while True:
            user, _, offset = comsat.recv(1000).decode().partition("@")
            assert offset.endswith("\0"), offset
            if user in USERS:
                told.append(f"{user} at {'the beginning' if offset[:-1] == '0' else 'the end'}")
    return ", ".join(told) or "nothing"


@pytest.mark.parametrize(
    "more",
    [{}, {"biff": "no"}, {"mailbox_command": "cat > /dev/null"}],
    ids=["default", "off", "command"],
)
def test_comsat_hears_the_same(more: Mapping[str, str]) -> None:
    theirs, ours = heard(PostfixOracle, more), heard(MailSystem, more)
    assert ours == theirs
    assert ("nothing" in theirs[0]) == bool(more)
