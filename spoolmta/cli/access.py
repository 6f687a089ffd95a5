"""How a command gets at the configuration and at the spool.

Root becomes mail_owner, for good, before the spool is opened: a command must not leave files that
the services cannot open.

Parameters: queue_directory, mail_owner, process_id_directory
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from spoolmta.config.loader import Configuration, load
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.errors import SpoolUnusable

# What only opens the spool is imported where that is done: mailq starts faster without SQLite.
if TYPE_CHECKING:
    from spoolmta.spool.connection import Spool


class Access:
    """The configuration of one command, and the way to its spool."""

    def __init__(self, directory: str | None) -> None:
        """Load the configuration of *directory* (None: $MAIL_CONFIG or the default).

        Raises ConfigError: the caller prints it and ends.
        """
        self.configuration: Configuration = load(directory)
        self.parameters = self.configuration.section(CommonParameters)
        self.queue_directory = Path(self.parameters.queue_directory)

    @property
    def spool_path(self) -> Path:
        """Where the spool is, or is to be."""
        from spoolmta.spool.connection import FILE_NAME

        return self.queue_directory / FILE_NAME

    @property
    def process_directory(self) -> Path:
        """Where master.pid is."""
        return self.queue_directory / self.parameters.process_id_directory

    def become_mail_owner(self) -> None:
        """Give up root, for good.

        Raises ConfigError: mail_owner does not exist.
        """
        if os.geteuid() == 0:
            from spoolmta.service.privileges import account, become
            from spoolmta.spool import schema
            from spoolmta.spool.statements import statements

            # What is read later must be read now: mail_owner may not be able to read our files.
            statements()
            schema.text()
            become(account(self.parameters.mail_owner))

    def require_spool(self) -> Path:
        """Return the path of the spool, as mail_owner.

        Raises SpoolUnusable: there is none, or it may not be read; the text says what to do.
        """
        self.become_mail_owner()
        try:
            self.spool_path.stat()
        except FileNotFoundError:
            raise SpoolUnusable(
                f"there is no spool in {self.queue_directory} yet: the first start of the mail"
                " system creates it (spoolmta serve, or postfix start); if it is elsewhere, name"
                " the configuration folder with -c"
            ) from None
        except PermissionError:
            raise SpoolUnusable(self._not_allowed()) from None
        if not os.access(self.spool_path, os.R_OK | os.W_OK):
            raise SpoolUnusable(self._not_allowed())
        return self.spool_path

    @contextlib.contextmanager
    def spool(self) -> "Iterator[Spool]":
        """Open the spool as mail_owner, for the time of a with block.

        Raises SpoolUnusable: as require_spool.
        """
        from spoolmta.clock import SystemClock
        from spoolmta.spool.connection import Spool

        spool = Spool.open(self.require_spool(), SystemClock())
        try:
            yield spool
        finally:
            spool.close()

    def poke(self, *names: str) -> None:
        """Wake stages, if they run."""
        from spoolmta.service.poke import Poker

        poker = Poker(self.queue_directory)
        for name in names:
            poker.poke(name)
        poker.close()

    def _not_allowed(self) -> str:
        return (
            f"the spool {self.spool_path} belongs to {self.parameters.mail_owner}:"
            " run this as that user or as root"
        )
