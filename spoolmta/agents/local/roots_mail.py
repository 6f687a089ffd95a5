"""What is done as root for root's own mail: its mailbox is written, its .forward file read.

Commands and files of root's are those of default_privs. Nothing else is ever done as root.

Postfix:    local(8), postconf(5) default_privs
Must not:   open a file; take a path for root's that the configuration does not name
"""

import pwd
import re
from collections.abc import Callable

from spoolmta.agents.local.mailbox import mailbox_path
from spoolmta.agents.local.user import User
from spoolmta.agents.mailbox import work
from spoolmta.config.expansion import expand
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.maps.syntax import split_words

# Stands for what is not known before there is an address.
_ANY = "\0"
_OF_ADDRESS = ("recipient", "local", "domain", "extension", "recipient_delimiter")


def permission(parameters: LocalParameters) -> Callable[[bytes], bool]:
    """Return what tells whether some work may be done as root."""
    entry = pwd.getpwuid(0)
    root = User(entry.pw_name, 0, entry.pw_gid, entry.pw_dir, entry.pw_shell)
    mailbox = mailbox_path(parameters, root)
    forward_files = _forward_files(parameters.forward_path, root)

    def may(asked: bytes) -> bool:
        match work.decode_work(asked):
            case work.ToMbox(file):
                return file.is_mailbox and file.path == mailbox
            case work.ToMaildir(file):
                return f"{file.folder}/" == mailbox
            case work.ReadList(path, _, owner):
                return owner == 0 and any(name.fullmatch(path) for name in forward_files)
        return False

    return may


def _forward_files(forward_path: str, root: User) -> list[re.Pattern[str]]:
    """Return what the names of root's .forward files look like, whatever the address."""
    known = {"user": root.name, "home": root.home, "shell": root.shell}
    return [
        re.compile(re.escape(expand(path, values.get)).replace(re.escape(_ANY), "[^/]*"))
        for path in split_words(forward_path)
        for values in (known, {**dict.fromkeys(_OF_ADDRESS, _ANY), **known})
    ]
