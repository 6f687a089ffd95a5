"""Tables that the operating system has: unix:passwd.byname, unix:group.byname, environ.

Postfix: DATABASE_README
Limits:  a name service that gives no answer looks like one that does not know the name
"""

import grp
import os
import pwd

from spoolmta.errors import ConfigError
from spoolmta.maps.keys import USUAL, KeyRules

_PASSWD = "passwd.byname"
_GROUP = "group.byname"


class UnixMap:
    """unix:passwd.byname and unix:group.byname: the entry in the form of the file."""

    fixed = False

    def __init__(self, argument: str, rules: KeyRules = USUAL) -> None:
        """Raises ConfigError: no such table."""
        if argument not in (_PASSWD, _GROUP):
            raise ConfigError(f"unknown table: unix:{argument} (known are {_PASSWD} and {_GROUP})")
        self._fold = rules.fold
        self.name = "unix:" + argument
        self._find = _passwd_entry if argument == _PASSWD else _group_entry

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        try:
            return self._find(self._fold(key))
        except (KeyError, ValueError):
            return None


class EnvironMap:
    """environ:any: the process's environment."""

    fixed = False

    def __init__(self, argument: str, rules: KeyRules = USUAL) -> None:
        self._fold = rules.fold
        self.name = "environ:" + argument

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return os.environ.get(self._fold(key))


def _passwd_entry(name: str) -> str:
    entry = pwd.getpwnam(name)
    return ":".join(str(field) for field in entry)


def _group_entry(name: str) -> str:
    entry = grp.getgrnam(name)
    return f"{entry.gr_name}:{entry.gr_passwd}:{entry.gr_gid}:{','.join(entry.gr_mem)}"
