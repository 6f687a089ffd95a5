"""Where the mail of a user goes: a command, a mailbox below home, or one in the mail spool.

Postfix:    local/mailbox.c, local/deliver_attr.c; local(8) "DELIVERY METHOD CONTROLS"
Parameters: mailbox_command_maps, mailbox_command, home_mailbox, mail_spool_directory
Limits:     a mail spool that users cannot write (neither they nor its group) is not supported:
            nothing is ever written as root
"""

import stat
from dataclasses import dataclass
from pathlib import Path

from spoolmta.agents.local.user import User
from spoolmta.agents.recipient_user import Identity
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.maps import Maps, open_maps


@dataclass(frozen=True, slots=True)
class MailboxCommand:
    """The command that takes a user's mail."""

    line: str


@dataclass(frozen=True, slots=True)
class MailboxPath:
    """The file, or with a slash at its end the maildir, of a user, and as whom it is written."""

    path: str
    identity: Identity


class Mailboxes:
    """Chooses mailboxes; one per process."""

    def __init__(self, parameters: LocalParameters) -> None:
        """Open the tables.

        Raises ConfigError: a table cannot be opened.
        """
        self._commands: Maps = open_maps(parameters.mailbox_command_maps, sensitive=True)
        self._command = parameters.mailbox_command.strip()
        self._parameters = parameters
        self._spool_group = _group_of(parameters.mail_spool_directory)

    async def of(self, user: User) -> MailboxCommand | MailboxPath:
        """Return where the mail of *user* goes.

        Raises MapUnavailable: defer.
        """
        command = await self._commands.lookup(user.name) or self._command
        if command:
            return MailboxCommand(command)
        path = mailbox_path(self._parameters, user)
        if self._parameters.home_mailbox or self._spool_group is None:
            return MailboxPath(path, user.identity)
        return MailboxPath(path, Identity(user.uid, self._spool_group))


def mailbox_path(parameters: LocalParameters, user: User) -> str:
    """Return where the mailbox of a user is."""
    if parameters.home_mailbox:
        return f"{user.home}/{parameters.home_mailbox}"
    spool = parameters.mail_spool_directory
    return f"{spool.rstrip('/')}/{user.name}{'/' if spool.endswith('/') else ''}"


def _group_of(spool: str) -> int | None:
    """Return the group that may make mailboxes in the mail spool; None if all may, or none."""
    try:
        status = Path(spool).stat()
    except OSError:
        return None
    if status.st_mode & stat.S_IWGRP and not status.st_mode & stat.S_IWOTH:
        return status.st_gid
    return None
