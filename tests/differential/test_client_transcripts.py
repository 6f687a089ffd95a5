"""notify_classes = protocol: what the postmaster is told of sessions of the SMTP client."""

import re
import smtplib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.mail_system import wait_for
from tests.support.oracle import needs_postfix
from tests.support.postfix_oracle import is_installed
from tests.support.postmaster_letters import letter, mailboxes, of_both
from tests.support.scripted_server import DROP, Behaviour, Script, ScriptedServer
from tests.support.side_by_side import Kind

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

# What a server does, and how many letters come of it.
SERVERS: Mapping[str, tuple[Script, Behaviour, int]] = {
    "syntax": ({"RCPT": "501 5.5.4 what?"}, Behaviour(), 1),
    "refused": ({"RCPT": "550 5.1.1 nobody"}, Behaviour(), 0),
    "one by one": ({"MAIL": "503 5.5.1 no"}, Behaviour(capabilities=()), 1),
    "content": ({".": "500 5.5.2 what was that?"}, Behaviour(), 1),
    "greeting": ({"CONNECT": "500 5.5.2 go away"}, Behaviour(), 1),
    "hello": ({"EHLO": "500 what?", "HELO": "504 no"}, Behaviour(), 1),
    "dropped": ({"MAIL": DROP}, Behaviour(), 0),
}
SETTINGS = {
    "notify_classes": "protocol",
    "error_notice_recipient": "error@post.example",
    "virtual_mailbox_domains": "post.example",
    "virtual_mailbox_maps": "inline:{{error@post.example=error/} {s@post.example=s/}}",
    "smtp_connection_cache_on_demand": "no",
    "minimal_backoff_time": "300s",
    "maximal_backoff_time": "300s",
    "mail_owner": "postfix",
}
# Before it says good-bye, Postfix resets a session in which something was refused.
OF_THE_MOMENT = {
    r"SIZE=\d+": "SIZE=N",
    r"(?s)( Out: RSET\n.*?) In:  250 2\.1\.0 Ok\n": r"\1",
    r" Out: (?:RSET|QUIT)\n": "",
}


def told(kind: Kind, root: Path) -> dict[str, list[str]]:
    """Return the letters to the postmaster about the sessions with each server."""
    boxes, places = mailboxes(root)
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(ScriptedServer(script, how))
            for name, (script, how, _) in SERVERS.items()
        }
        ports = {name: server.port for name, server in servers.items()}
        routes = " ".join(f"{{to{one}.example=smtp:[127.0.0.1]:{one}}}" for one in ports.values())
        settings = {**SETTINGS, **places, "transport_maps": f"inline:{{{routes}}}"}
        system = stack.enter_context(kind(root, settings))
        with smtplib.SMTP("127.0.0.1", system.port, timeout=20) as client:
            for port in ports.values():
                client.sendmail(
                    "s@post.example", [f"x@to{port}.example"], b"Subject: x\r\n\r\nx\r\n"
                )
        count = sum(letters for *_, letters in SERVERS.values())
        wait_for(
            lambda: (
                len(list(boxes.glob("error/new/*"))) >= count
                and len(re.findall(r"status=(?:bounced|deferred)", system.log())) >= len(SERVERS)
            ),
            30,
            "the letters",
        )
        found = [path.read_text() for path in boxes.glob("error/new/*")]
    return {
        name: [
            letter(text, OF_THE_MOMENT).replace(str(port), "PORT")
            for text in found
            if f":{port}" in text
        ]
        for name, port in ports.items()
    }


def test_the_postmaster_is_told_the_same_of_servers_that_do_not_understand() -> None:
    theirs, ours = of_both(told)
    assert ours == theirs
    assert {name: len(found) for name, found in theirs.items()} == {
        name: letters for name, (*_, letters) in SERVERS.items()
    }
