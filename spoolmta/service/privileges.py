"""Becoming the user of a service, for good, before any input is read.

Must not: be called in a process that goes on to need root.
"""

import ctypes
import os
import pwd

from spoolmta.errors import ConfigError
from spoolmta.service.program_files import ProgramFiles

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def account(user: str, parameter: str = "mail_owner") -> pwd.struct_passwd:
    """Return the account of *user*.

    Raises ConfigError: there is no such account; the text names the parameter.
    """
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise ConfigError(
            f"{parameter} = {user}: there is no such user on this system; create it or name another"
        ) from None


def become(user: pwd.struct_passwd) -> None:
    """Become *user* with no supplementary groups; do nothing if we are that user already."""
    if os.geteuid() != 0:
        return
    if user.pw_uid == 0:
        return
    files = ProgramFiles()
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    try:
        os.setuid(0)
    except PermissionError:
        pass
    else:
        raise AssertionError("root privileges could be taken back")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    files.keep_within_reach()


def end_with_parent(signal_number: int) -> None:
    """Ask the kernel for a signal when the parent dies; it is lost when the user changes."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
