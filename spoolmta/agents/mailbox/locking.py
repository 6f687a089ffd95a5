"""Locks on a mailbox: a lock file beside it, and a lock of the kernel on it.

Kernel locks "fcntl" are taken as open-file-description locks: they exclude other programs' fcntl
locks as POSIX locks do, and other deliveries of the same process too.

Postfix:    global/dot_lockfile.c, global/deliver_flock.c; postconf(5) mailbox_delivery_lock
Parameters: mailbox_delivery_lock, virtual_mailbox_lock, deliver_lock_attempts,
            deliver_lock_delay, stale_lock_time
Limits:     a lock file is "file.lock", made with O_EXCL; lockd of ancient NFS is not catered for
"""

# ruff: noqa: PTH108, PTH113
# System calls on paths that are used once: making a Path costs more than the call.

import errno
import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from spoolmta.agents.mailbox.trouble import MailboxError, trouble
from spoolmta.clock import Clock
from spoolmta.errors import ConfigError

METHODS = ("fcntl", "flock", "dotlock")

_FLOCK = struct.Struct("hhqqi4x")
_Sleep = Callable[[float], None]


class LockRules(msgspec.Struct, frozen=True):
    """How a mailbox is locked: *methods*, how often and how patiently (seconds)."""

    methods: tuple[str, ...]
    attempts: int
    delay: float
    stale_after: float


def parse_methods(text: str) -> tuple[str, ...]:
    """Return the locking methods of a parameter's value.

    Raises ConfigError: one of them is not known.
    """
    methods = tuple(text.replace(",", " ").split())
    for method in methods:
        if method not in METHODS:
            raise ConfigError(f"lock method {method}: expected one of {', '.join(METHODS)}")
    return methods


@contextmanager
def lock_file(
    path: str, rules: LockRules, clock: Clock, *, default: str, required: bool
) -> Iterator[None]:
    """Hold *path*.lock while inside.

    Without *required*, a folder in which no file can be made is no obstacle.
    Raises MailboxError: somebody else holds it (4.2.0), or it cannot be made.
    """
    name = f"{path}.lock"
    made = False
    if "dotlock" in rules.methods and _may_have_lock_file(path):
        made = _make_lock_file(name, rules, clock, default=default, required=required)
    try:
        yield
    finally:
        if made:
            with suppress(FileNotFoundError):
                os.unlink(name)


def lock_open_file(descriptor: int, rules: LockRules, *, sleep: _Sleep = time.sleep) -> None:
    """Lock an open file for this delivery alone, until it is closed.

    Raises MailboxError: somebody else holds it.
    """
    for method in rules.methods:
        if method != "dotlock":
            _lock(descriptor, method, rules, sleep)


def _may_have_lock_file(path: str) -> bool:
    try:
        return os.path.isfile(path) or not os.path.lexists(path)
    except OSError:
        return False


def _make_lock_file(
    name: str, rules: LockRules, clock: Clock, *, default: str, required: bool
) -> bool:
    for attempt in range(max(1, rules.attempts)):
        if attempt:
            time.sleep(rules.delay)
        try:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            _remove_if_stale(name, rules, clock)
        except OSError as error:
            if not required:
                return False
            raise trouble(error, f"unable to create lock file {name}", default) from error
        else:
            return True
    raise MailboxError("4.2.0", f"unable to create lock file {name}: {os.strerror(errno.EEXIST)}")


def _remove_if_stale(name: str, rules: LockRules, clock: Clock) -> None:
    with suppress(OSError):
        if clock.now() - os.lstat(name).st_ctime > rules.stale_after:
            os.unlink(name)


def _lock(descriptor: int, method: str, rules: LockRules, sleep: _Sleep) -> None:
    for attempt in range(max(1, rules.attempts)):
        if attempt:
            sleep(rules.delay)
        try:
            if method == "flock":
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                fcntl.fcntl(
                    descriptor,
                    fcntl.F_OFD_SETLK,
                    _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0),
                )
        except (BlockingIOError, PermissionError) as error:
            reason = error
        else:
            return
    raise MailboxError(
        "4.2.0",
        f"unable to lock for exclusive access: {os.strerror(reason.errno or errno.EAGAIN)}",
    )
