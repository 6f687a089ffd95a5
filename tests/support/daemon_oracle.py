"""What one of Postfix's daemons says of a main.cf when it starts.

postconf(1) looks at no value; the daemons do, each at those it uses. One is run by hand, in a
folder of its own, and its log lines come here: to the socket that it takes for postlogd(8)'s.

Limits: needs root; a daemon that ends badly takes a second for it
"""

import socket
import subprocess
from pathlib import Path

DAEMONS = Path("/usr/lib/postfix/sbin")

# What daemons need to get as far as looking at their own values, without other services.
_ALONE = """\
queue_directory = {root}/queue
maillog_file = {root}/log
maillog_file_prefixes = {root}
myhostname = mx.example
local_recipient_maps =
alias_maps =
virtual_mailbox_base = /
smtpd_relay_restrictions = reject
"""


def complaint(root: Path, daemon: str, setting: str) -> str:
    """Return the text of the fatal error that *setting* causes in *daemon*; "" if it starts.

    *root* is a new folder; its path must fit into a socket's name.
    """
    logger = root / "queue" / "public" / "postlog"
    logger.parent.mkdir(parents=True)
    (root / "queue" / "incoming").mkdir()  # cleanup waits for it
    (root / "main.cf").write_text(_ALONE.format(root=root) + setting + "\n")
    (root / "master.cf").write_text("")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lines:
        lines.bind(str(logger))
        lines.setblocking(False)
        _run(daemon, root, logger)
        return next((text for text in _fatal(lines) if _is_of_a_value(text)), "")


def _run(daemon: str, root: Path, logger: Path) -> None:
    """Run *daemon* on an empty input, until it ends."""
    subprocess.run(
        [DAEMONS / daemon, "-S"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={
            "MAIL_CONFIG": str(root),
            "POSTLOG_SERVICE": str(logger),
            "POSTLOG_HOSTNAME": "mx.example",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        },
        timeout=60,
        check=False,
    )


def _fatal(lines: socket.socket) -> list[str]:
    found: list[str] = []
    while True:
        try:
            line = lines.recv(65536).decode("utf-8", "surrogateescape")
        except BlockingIOError:
            return found
        head, mark, text = line.partition(": fatal: ")
        if mark and head:
            found.append(text)


def _is_of_a_value(text: str) -> bool:
    """Tell a complaint about a value from the end of a daemon that has no queue to work on."""
    return not text.startswith(("scan_dir_push", "read:", "mail_queue_enter"))
