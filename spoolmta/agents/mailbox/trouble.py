"""Errors of the operating system at a mailbox, as status codes and public text.

What is not known to be permanent is temporary, save for the errors that only a change of the
mailbox or its folder can cure: those get the agent's own code.

Postfix:    global/mbox_open.c (mbox_dsn)
"""

import errno
import os

from spoolmta.agents.result import Result
from spoolmta.errors import SpoolmtaError

_CODES = {
    errno.ENOSPC: "4.3.0",
    errno.EDQUOT: "5.2.2",
    errno.EFBIG: "5.2.2",
}
# Only somebody who changes the mailbox, its folder or their rights can cure these.
_NEEDS_A_CHANGE = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.EEXIST,
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.ENXIO,
    }
)


class MailboxError(SpoolmtaError):
    """The mailbox did not take the message; the delivery ends with *result*."""

    def __init__(self, dsn: str, reason: str) -> None:
        super().__init__(reason)
        self.result = Result(dsn, reason)


def trouble(error: OSError, what: str, default: str) -> MailboxError:
    """Return the error to raise when *what* ("cannot open file") failed."""
    return MailboxError(code(error, default), f"{what}: {os.strerror(error.errno or errno.EIO)}")


def code(error: OSError, default: str) -> str:
    """Return the status code of an error; *default* if the mailbox itself must be changed."""
    number = error.errno or errno.EIO
    if number in _CODES:
        return _CODES[number]
    return default if number in _NEEDS_A_CHANGE else "4.2.0"
