"""What MAIL and RCPT tell a server of mail of every kind, whatever extensions it offers."""

import itertools
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.scripted_server import Behaviour, ScriptedServer
from tests.support.twin import Mail, Site, mail
from tests.support.twin.run import run
from tests.support.twin.systems import Postfix, Spoolmta

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

MAIN = """
relayhost = [127.0.0.1]:{server}
mydestination = here.example
myorigin = here.example
alias_maps = hash:{{etc}}/aliases
transport_maps = inline:{{ {{gone.example = error:5.1.2 no such}} }}
smtpd_reject_unlisted_recipient = no
"""
TEXT = "From: s@src.example\nTo: x@far.example\n\n{body}\n"
CALLED = {
    "inside": ((), ("BODY=7BIT",), ("BODY=8BITMIME",)),
    "sendmail": ((), ("-B7BIT",), ("-B8BITMIME",)),
}
DSN = (
    (("RET=HDRS", "ENVID=a+20b"), ("NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;o@x.example")),
    (("RET=FULL",), ("NOTIFY=NEVER",)),
    (("ENVID=c",), ("NOTIFY=DELAY",)),
)


def cases() -> Iterator[Mail]:
    """Yield mail that goes out, is forwarded, and is reported; each has a sender of its own."""
    number = itertools.count()
    for to in ("x@far.example", "fw@here.example", "g@gone.example"):
        for by, body in itertools.product(CALLED, ("hello", "h\u00e9llo")):
            for called in CALLED[by]:
                more = {"mail_options" if by == "inside" else "options": called}
                sender = f"s{next(number)}@src.example"
                yield mail(sender, to, TEXT.format(body=body), by=by, **more)
        for mail_options, rcpt_options in DSN:
            sender = f"s{next(number)}@src.example"
            yield mail(sender, to, mail_options=mail_options, rcpt_options=rcpt_options)


def told(system: type[Postfix] | type[Spoolmta], capabilities: Sequence[str]) -> list[str]:
    """Return the MAIL and RCPT that a server hears; sizes are each system's own."""
    root = Path(tempfile.mkdtemp(prefix="twin-"))
    root.chmod(0o755)
    try:
        with ScriptedServer(behaviour=Behaviour(capabilities=capabilities)) as server:
            main = MAIN.format(server=server.port)
            aliases = {"aliases": "fw: x@far.example\n"}
            site = Site("out", main, list(cases()), files=aliases, real={"smtp", "local"})
            run(system(site, root / "system"))
            commands = [re.sub(r"SIZE=\d+", "SIZE=N", command) for command in server.commands]
    finally:
        shutil.rmtree(root)
    return sorted(command for command in commands if command.startswith(("MAIL", "RCPT")))


@pytest.mark.slow
@pytest.mark.parametrize(
    "capabilities",
    [
        ("PIPELINING", "SIZE 10240000", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN"),
        ("8BITMIME",),
        ("DSN", "SIZE"),
        (),
    ],
    ids=str,
)
def test_a_server_is_told_the_same(capabilities: tuple[str, ...]) -> None:
    theirs, ours = (told(system, capabilities) for system in (Postfix, Spoolmta))
    assert len(theirs) > 80
    assert ours == theirs
