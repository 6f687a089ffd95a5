"""Mail that leaves both systems by SMTP, with generic addresses: what a server is shown."""

import re
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.scripted_server import ScriptedServer
from tests.support.twin import Site, mail
from tests.support.twin.run import run
from tests.support.twin.systems import Postfix, Spoolmta

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

MAIN = """
relayhost = [127.0.0.1]:{server}
smtp_generic_maps = hash:{{etc}}/generic
mydestination = local.example
local_recipient_maps =
transport_maps = inline:{{ local.example=smtp:[127.0.0.1]:{server} }}
recipient_delimiter = +
local_header_rewrite_clients =
propagate_unmatched_extensions = {propagated}
"""
GENERIC = """\
s@in.example S@out.example
a@in.example a1@out.example, a2@out.example
c@in.example d@in.example
d@in.example no@out.example
@dom.example @out.example
user User@out.example
e@in.example e@out.example
bare@in.example bare
nobody@in.example <>
"q r"@in.example qr@out.example
"""
CASES = [
    mail("s@in.example", "a@in.example", "From: s@in.example\nTo: C <c@in.example>,b (x)\n\nx\n"),
    mail("x@dom.example", ["x+y@dom.example", "s@in.example"], "To: x+y@dom.example\n\nx\n"),
    mail(
        "user@local.example", "e+x@in.example", "From: user@local.example\nTo: e+x@in.example\n\n"
    ),
    mail("", "d@in.example", "From: <>\nTo:x@y.example , z\n\nFrom: s@in.example\n"),
    mail("bare@in.example", "bare@in.example", "From: bare@in.example, a!s@in.example\n\nx\n"),
    mail("nobody@in.example", "u@far.example", "From: nobody@in.example\n\nx\n"),
    mail('"q r"@in.example', "u@far.example", 'From: "q r"@in.example, "s"@in.example\n\nx\n'),
    mail(
        "u@far.example",
        "v@far.example",
        "Reply-To : s@in.example\nX-To: s@in.example\nSender: s@in.example\n"
        "Errors-To:\n s@in.example\n"
        "Delivered-To: s@in.example\nCc: "
        + "s@in.example," * 20
        + "\nResent-To: u@far.example\n\nx\n",
    ),
]
_MADE = re.compile(rb"^Received:.*?\r\n(?=\S)|[0-9A-F]{8,}", re.MULTILINE | re.DOTALL)


def shown(system: type[Postfix] | type[Spoolmta], propagated: str) -> list[tuple[object, ...]]:
    """Return what a server sees of the cases: sender, recipients, content."""
    root = Path(tempfile.mkdtemp(prefix="twin-"))
    root.chmod(0o755)
    try:
        with ScriptedServer() as server:
            main = MAIN.format(server=server.port, propagated=propagated)
            site = Site("out", main, CASES, files={"generic": GENERIC}, real={"smtp"})
            run(system(site, root / "system"))
            seen = [(m.sender, m.recipients, _MADE.sub(b"", m.content)) for m in server.messages]
    finally:
        shutil.rmtree(root)
    return sorted(seen, key=repr)


@pytest.mark.parametrize("propagated", ["canonical, virtual", "generic"])
def test_a_server_is_shown_the_same_mail(propagated: str) -> None:
    theirs, ours = (shown(system, propagated) for system in (Postfix, Spoolmta))
    assert len(theirs) > len(CASES)
    assert ours == theirs
