"""The configuration that is used where there is no configuration folder.

It needs no privileges and touches one folder: smtpd listens on 127.0.0.1:2525 (or the port that
SPOOLMTA_PORT says, where that one is taken), the spool is below $XDG_STATE_HOME, and two users of
the domain inbox.example, alice and bob, have a maildir each below the spool. Mail for
outside.example goes to the next port on this machine, where `spoolmta sink` listens. Mail for
other domains goes out by SMTP as usual.

Reads:      XDG_STATE_HOME, SPOOLMTA_PORT, the account of this process
"""

import os
import pwd
from pathlib import Path

from spoolmta.config import computed
from spoolmta.errors import ConfigError

PORT = 2525
DOMAIN = "inbox.example"
OUTSIDE = "outside.example"
USERS = ("alice", "bob")

_MASTER = """\
# service          type  private unpriv chroot wakeup maxproc command
127.0.0.1:{port}     inet  n       -      n      -      -       smtpd
pickup             unix  n       -      n      60     1       pickup
cleanup            unix  n       -      n      -      0       cleanup
qmgr               unix  n       -      n      300    1       qmgr
rewrite            unix  -       -      n      -      -       trivial-rewrite
bounce             unix  -       -      n      -      0       bounce
defer              unix  -       -      n      -      0       bounce
trace              unix  -       -      n      -      0       bounce
flush              unix  n       -      n      1000?  0       flush
proxymap           unix  -       -      n      -      -       proxymap
smtp               unix  -       -      n      -      -       smtp
relay              unix  -       -      n      -      -       smtp
lmtp               unix  -       -      n      -      -       lmtp
showq              unix  n       -      n      -      -       showq
error              unix  -       -      n      -      -       error
retry              unix  -       -      n      -      -       error
discard            unix  -       -      n      -      -       discard
local              unix  -       n      n      -      -       local
virtual            unix  -       n      n      -      -       virtual
"""

_MAIN = """\
# spoolmta's built-in configuration, used because there is no configuration folder.
compatibility_level = 3.11
myhostname = {hostname}
queue_directory = {queue_directory}
mail_owner = {user}
maillog_file_prefixes = /var, /dev/stdout, $queue_directory

# Who may send, and what is ours
inet_interfaces = loopback-only
mynetworks = 127.0.0.0/8 [::1]/128
mydestination = $myhostname, localhost
recipient_delimiter = +

# The account that runs spoolmta has a local maildir, and is postmaster
local_recipient_maps = inline:{{ {user}=x }} $alias_maps
alias_maps = inline:{{ postmaster={user} }}
alias_database =
mail_spool_directory = $queue_directory/mail/localhost/

# {users} at {domain} have maildirs
virtual_mailbox_domains = {domain}
virtual_mailbox_base = $queue_directory/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = {minimum_uid}

# A domain for trying things out: spoolmta sink
transport_maps = inline:{{ {{ {outside} = smtp:[127.0.0.1]:{sink_port} }} }}
"""


def main_text() -> str:
    """Return the built-in main.cf for the account of this process."""
    uid = os.geteuid()
    return _MAIN.format(
        hostname=_hostname(),
        queue_directory=_quoted(str(queue_directory())),
        user=_quoted(_user_name(uid)),
        users=" and ".join(USERS),
        domain=DOMAIN,
        mailboxes=", ".join(f"{{ {u}@{DOMAIN} = {DOMAIN}/{u}/ }}" for u in USERS),
        uid=uid,
        gid=os.getegid(),
        minimum_uid=max(1, min(uid, 100)),
        outside=OUTSIDE,
        sink_port=port() + 1,
    )


def master_text() -> str:
    """Return the built-in master.cf."""
    return _MASTER.format(port=port())


def port() -> int:
    """Return the port that smtpd listens on."""
    text = os.environ.get("SPOOLMTA_PORT") or str(PORT)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65535):
        raise ConfigError(f"SPOOLMTA_PORT={text}: expected a port number below 65535")
    return int(text)


def queue_directory() -> Path:
    """Return the folder of the built-in spool."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):
        state = str(Path.home() / ".local" / "state")
    return Path(state) / "spoolmta"


def _hostname() -> str:
    name = computed.machine_name()
    labels = name.split(".")
    if all(label and label.replace("-", "").isalnum() and label.isascii() for label in labels):
        return name
    return f"localhost.{computed.UNKNOWN}"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _quoted(text: str) -> str:
    return text.replace("$", "$$")
