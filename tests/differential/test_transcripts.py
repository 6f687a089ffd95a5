"""notify_classes: what the postmaster is told of sessions, beside a real Postfix."""

import socket
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.support.mail_system import wait_for
from tests.support.oracle import needs_postfix
from tests.support.postfix_oracle import is_installed
from tests.support.postmaster_letters import letter, mailboxes, of_both
from tests.support.side_by_side import Kind, System

pytestmark = [
    needs_postfix,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="a Postfix is started by root alone"),
]

MAIL = "MAIL FROM:<a@src.example>"
OK = "RCPT TO:<ok@far.example>"
CONTENT = ("DATA", b"Subject: x\r\n\r\nbody\r\n.\r\n")
QUIT = "QUIT"
QUIET_SECONDS = 3
HANG_UP = ""

# Of each session what the client says behind EHLO; text is a command, bytes are sent as they are.
SESSIONS: Mapping[str, Sequence[str | bytes]] = {
    "unknown": ["FOO bar", QUIT],
    "syntax": ["MAIL FROM:a b c", "RCPT TO:<x@y>", QUIT],
    "order": [OK, "DATA", QUIT],
    "nested": [MAIL, MAIL, QUIT],
    "nobody": [MAIL, "DATA", QUIT],
    "relay": [MAIL, "RCPT TO:<x@relay.example>", QUIT],
    "nouser": [MAIL, "RCPT TO:<nobody@far.example>", QUIT],
    "both": ["FOO", MAIL, "RCPT TO:<nobody@far.example>", QUIT],
    "access": [MAIL, "RCPT TO:<deny@far.example>", QUIT],
    "header": [MAIL, OK, "DATA", b"Subject: badword\r\n\r\nbody\r\n.\r\n", QUIT],
    "size": [f"{MAIL} SIZE=99999999", QUIT],
    "big": [MAIL, OK, "DATA", b"Subject: x\r\n\r\n" + b"y" * 900 + b"\r\n" * 9999 + b".\r\n", QUIT],
    "hops": [MAIL, OK, "DATA", b"Received: x\r\n" * 60 + b"\r\nx\r\n.\r\n", QUIT],
    "copies": [MAIL, "RCPT TO:<copied@far.example>", *CONTENT, QUIT],
    "lost": [MAIL, HANG_UP],
    "lost after an error": ["FOO", HANG_UP],
    "between": ["FOO", MAIL, OK, *CONTENT, "RSET", "BAR", QUIT],
    "forgiven": ["FOO", MAIL, OK, *CONTENT, QUIT],
    "good": [MAIL, OK, *CONTENT, QUIT],
    "again": ["FOO", "EHLO again", QUIT],
    "many": ["FOO"] * 6,
    "folded": ["NOOP " + "z" * 200, "FOO " + "word " * 40, QUIT],
    "vrfy": ["VRFY x@relay.example", QUIT],
    "chunk": [MAIL, OK, "BDAT 5 LAST X", QUIT],
    "header line": ["Subject: x", QUIT],
    "long": [MAIL, *[OK] * 60, "FOO", "RSET", MAIL, *[OK] * 10, "BAR", QUIT],
    "timeout": ["FOO", b""],
}
# One box for each address, and the postmaster's.
BOXES = ("ok", "deny", "copied", "error", "bounce")
TABLE = " ".join(f"{{{box}@far.example={box}/}}" for box in BOXES)
SETTINGS = {
    "error_notice_recipient": "error@far.example",
    "bounce_notice_recipient": "bounce@far.example",
    "virtual_mailbox_domains": "far.example",
    "virtual_mailbox_maps": f"inline:{{{TABLE}}}",
    "mynetworks": "192.0.2.1/32",
    "smtpd_relay_restrictions": "check_recipient_access inline:{"
    " {deny@far.example=REJECT not you} }, reject_unauth_destination",
    "recipient_bcc_maps": "inline:{{copied@far.example=ok@far.example}}",
    "message_size_limit": "10000",
    "virtual_mailbox_limit": "0",
    "smtpd_hard_error_limit": "5",
    "smtpd_error_sleep_time": "0",
    "smtpd_timeout": "3s",
    "mail_owner": "postfix",
}
# With the first no table fails; with the others the one that is asked when content has come.
CLASSES = ("protocol, policy, bounce, data", "resource, software")
# What is refused for its content, if the table gives an answer.
REFUSED = ("header", "hops")
OF_THE_MOMENT = {r"queued as \w+": "queued as ID"}


def talk(port: int, name: str, script: Sequence[str | bytes]) -> None:
    """Have a session; a client that is hung up on goes away."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        replies = client.makefile("rb")

        def hear() -> bool:
            while line := replies.readline():
                if line[3:4] != b"-":
                    return True
            return False

        hear()
        for said in (f"EHLO {name.replace(' ', '-')}", *script):
            if said == HANG_UP and isinstance(said, str):
                return
            try:
                client.sendall(said if isinstance(said, bytes) else f"{said}\r\n".encode())
                if not hear():
                    return
            except (BrokenPipeError, ConnectionResetError):
                return


def told(settings: Mapping[str, str], names: Sequence[str], kind: Kind, root: Path) -> list[str]:
    """Return the letters to the postmaster about some sessions, by addressee and text."""
    boxes, places = mailboxes(root)
    checks = root / "checks"
    checks.write_text("/badword/ REJECT bad word\n")
    checked = {"header_checks": f"regexp:{checks}"}
    with kind(root, {**SETTINGS, **places, **checked, **settings}) as system:
        for name in names:
            talk(system.port, name, SESSIONS[name])
        wait_for(_Rest(system, len(names)).has_come, 60, "rest")
        return sorted(
            f"{box}\n{letter(path.read_text('utf-8', 'surrogateescape'), OF_THE_MOMENT)}"
            for box in ("error", "bounce")
            for path in (boxes / box / "new").glob("*")
        )


class _Rest:
    """Tells when all mail has been delivered, and the log has not grown for a while."""

    def __init__(self, system: System, sessions: int) -> None:
        self._system = system
        self._sessions = sessions
        self._log = ""
        self._since = time.monotonic()

    def has_come(self) -> bool:
        log = self._system.log()
        if log != self._log:
            self._log, self._since = log, time.monotonic()
        is_done = log.count("(queue active)") == log.count(": removed")
        hung_up = log.count("disconnect from") > self._sessions
        return is_done and hung_up and time.monotonic() - self._since > QUIET_SECONDS


@pytest.mark.parametrize("classes", CLASSES)
def test_the_postmaster_is_told_the_same_of_sessions(classes: str) -> None:
    settings, names = {"notify_classes": classes}, list(SESSIONS)
    if "resource" in classes:
        settings["recipient_bcc_maps"] = "fail:broken"
        names = [name for name in names if name not in REFUSED]
    theirs, ours = of_both(partial(told, settings, names))
    assert ours == theirs
    assert theirs
