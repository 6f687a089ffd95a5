"""What master.cf says of a command that takes mail: who runs it, and how it wants the message.

    user=NAME[:GROUP]      as whom it runs; neither root nor the mail system's own user
    argv=COMMAND ...       the last attribute
    flags=BDFORXhqu.>      changes to the message and to the arguments
    chroot=, directory=    where it runs
    eol=, null_sender=, size=

Postfix:    pipe(8) "COMMAND ATTRIBUTE SYNTAX"
Parameters: mail_owner, PIPE_destination_recipient_limit (the values are handed in)
"""

import grp
import pwd
import re
from collections.abc import Sequence
from dataclasses import dataclass

from spoolmta.agents.recipient_user import Identity
from spoolmta.errors import ConfigError

BLANK_LINE = "B"
DELIVERED_TO = "D"
FROM_LINE = "F"
ORIGINAL_TO = "O"
RETURN_PATH = "R"
FINAL = "X"
LOWER_DOMAIN = "h"
QUOTED = "q"
LOWER_LOCAL = "u"
DOUBLE_DOTS = "."
QUOTE_FROM = ">"

_FLAGS = frozenset(
    {
        *(BLANK_LINE, DELIVERED_TO, FROM_LINE, ORIGINAL_TO, RETURN_PATH, FINAL),
        *(LOWER_DOMAIN, QUOTED, LOWER_LOCAL, DOUBLE_DOTS, QUOTE_FROM),
    }
)
_NAMES = ("user", "flags", "chroot", "directory", "eol", "null_sender", "size")
_COMMAND = "argv"
_NULL_SENDER = "MAILER-DAEMON"
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.?)", re.DOTALL)
_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


@dataclass(frozen=True, slots=True)
class Attributes:
    """One service's attributes; *size* 0 means no limit, *user* has its ":group" still."""

    user: str
    argv: tuple[str, ...]
    flags: frozenset[str] = frozenset()
    eol: bytes = b"\n"
    null_sender: str = _NULL_SENDER
    size: int = 0
    chroot: str = ""
    directory: str = ""


def parse_attributes(arguments: Sequence[str]) -> Attributes:
    """Return the attributes among the arguments of a service.

    Raises ConfigError: one is unknown, wrong or missing; the service does not start.
    """
    values: dict[str, str] = {}
    argv: tuple[str, ...] = ()
    for position, argument in enumerate(arguments):
        name, mark, value = argument.partition("=")
        name = name.lower()
        if not mark and name == "-v":
            continue
        if mark and name == _COMMAND:
            argv = (value, *arguments[position + 1 :]) if value else ()
            break
        if not mark or name not in _NAMES:
            raise ConfigError(f"unknown attribute name: {argument}")
        values[name] = value
    if not values.get("user"):
        raise ConfigError("missing user= command-line attribute")
    if not argv:
        raise ConfigError("missing argv= command-line attribute")
    return Attributes(
        values["user"],
        argv,
        _flags(values.get("flags", "")),
        _unescaped(values.get("eol", "\\n")),
        values.get("null_sender", _NULL_SENDER),
        _size(values.get("size", "0")),
        values.get("chroot", ""),
        values.get("directory", ""),
    )


def identity_of(user: str, owner: pwd.struct_passwd, *, is_privileged: bool) -> Identity:
    """Return as whom "name" or "name:group" runs a command; *owner* is mail_owner.

    *is_privileged*: the mail system runs as root, and could give root's or its own rights away.
    Raises ConfigError: there is no such user or group, or it has privileges.
    """
    name, mark, group = user.partition(":")
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(f"user={user}: unknown username: {name}") from None
    gid = account.pw_gid
    if mark:
        try:
            gid = grp.getgrnam(group).gr_gid
        except KeyError:
            raise ConfigError(f"user={user}: unknown group: {group}") from None
    identity = Identity(account.pw_uid, gid)
    if is_privileged:
        _refuse_privileges(user, identity, owner)
    return identity


def _refuse_privileges(user: str, identity: Identity, owner: pwd.struct_passwd) -> None:
    if identity.uid == 0:
        raise ConfigError(f"user={user} specifies root privileges")
    if identity.uid == owner.pw_uid:
        raise ConfigError(f"user={user} specifies mail system owner {owner.pw_name}")
    if identity.gid == 0:
        raise ConfigError(f"user={user} specifies privileged group id 0")
    if identity.gid == owner.pw_gid:
        raise ConfigError(
            f"user={user} specifies mail system owner {owner.pw_name} group id {owner.pw_gid}"
        )


def _flags(letters: str) -> frozenset[str]:
    for letter in letters:
        if letter not in _FLAGS:
            raise ConfigError(f"unknown flag: {letter}")
    return frozenset(letters)


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ConfigError(f"bad size= value: {text}")
    return int(text)


def _unescaped(text: str) -> bytes:
    """Return what stands for the end of a line, with its backslashes as in C."""

    def character(match: re.Match[str]) -> str:
        code = match[1]
        if code[:1].isascii() and code.isdigit():
            return chr(int(code, 8) & 255)
        return chr(_ESCAPES[code]) if code in _ESCAPES else code

    return _ESCAPE.sub(character, text).encode("latin-1", "replace")
