"""Accounts of this machine.

Asked of the C library itself, because pwd.getpwnam takes the failure of a directory server for
"no such user".

Limits: the layout of struct passwd is that of Linux
"""

import asyncio
import ctypes
import errno
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass

from spoolmta.agents.recipient_user import Identity
from spoolmta.errors import MapUnavailable

_BUFFER_BYTES = 16 * 1024
# What getpwnam_r(3) says when there is no such user, beside 0.
_NOT_FOUND = frozenset({errno.ENOENT, errno.ESRCH, errno.EBADF, errno.EPERM})


class _Passwd(ctypes.Structure):
    _fields_ = (
        ("pw_name", ctypes.c_char_p),
        ("pw_passwd", ctypes.c_char_p),
        ("pw_uid", ctypes.c_uint32),
        ("pw_gid", ctypes.c_uint32),
        ("pw_gecos", ctypes.c_char_p),
        ("pw_dir", ctypes.c_char_p),
        ("pw_shell", ctypes.c_char_p),
    )


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str

    @property
    def identity(self) -> Identity:
        """As whom this user's mail is delivered."""
        return Identity(self.uid, self.gid)


async def find_user(name: str) -> User | None:
    """Return the account of that name, None if there is none.

    Raises MapUnavailable: the system's user database gave no answer; defer.
    """
    if not name or "\0" in name or "/" in name:
        return None
    return await asyncio.to_thread(_find, name, _library().getpwnam_r, os.fsencode(name))


async def find_user_by_id(uid: int) -> User | None:
    """Return the account with that user id, None if there is none.

    Raises MapUnavailable: as `find_user`.
    """
    return await asyncio.to_thread(_find, f"id {uid}", _library().getpwuid_r, ctypes.c_uint32(uid))


async def home_trouble(user: User) -> str:
    """Return why the home folder of a user cannot be used; "" if it is there."""
    try:
        await asyncio.to_thread(os.stat, user.home)
    except PermissionError:
        return ""  # we may not look; the user may
    except OSError as error:
        return f"cannot access home directory {user.home}: {error.strerror}"
    return ""


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _find(who: str, ask: Callable[..., int], key: bytes | ctypes.c_uint32) -> User | None:
    entry = _Passwd()
    found = ctypes.POINTER(_Passwd)()
    size = _BUFFER_BYTES
    while True:
        buffer = ctypes.create_string_buffer(size)
        status = ask(key, ctypes.byref(entry), buffer, ctypes.c_size_t(size), ctypes.byref(found))
        if status != errno.ERANGE:
            break
        size *= 2
    if found:
        return User(
            os.fsdecode(entry.pw_name),
            entry.pw_uid,
            entry.pw_gid,
            os.fsdecode(entry.pw_dir or b""),
            os.fsdecode(entry.pw_shell or b""),
        )
    if status == 0 or status in _NOT_FOUND:
        return None
    raise MapUnavailable(f"cannot look up user {who}: {os.strerror(status)}")
