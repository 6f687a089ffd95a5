"""Where the mailbox of a virtual address is, and whose it is.

Postfix:    virtual(8)
Parameters: virtual_mailbox_base, virtual_mailbox_maps, virtual_uid_maps, virtual_gid_maps,
            virtual_minimum_uid, recipient_delimiter
Must not:   touch a mailbox; take a lookup error for an unknown user
"""

import os
from dataclasses import dataclass

from spoolmta.address.routing import delimiter_of
from spoolmta.agents.recipient_user import Deliverer, Identity
from spoolmta.agents.result import Result
from spoolmta.config.parameters.virtual import VirtualParameters
from spoolmta.maillog import MailLog
from spoolmta.maps import Maps, lookup_address, open_maps

_MISCONFIGURED = Result("4.3.5", "mail system configuration error")
_TRAVERSAL = "/../"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox: its path, with a slash at the end if it is a maildir, and whose it is."""

    path: str
    identity: Identity

    @property
    def is_maildir(self) -> bool:
        """True if it is a folder of messages."""
        return self.path.endswith("/")


class VirtualMailboxes:
    """Finds mailboxes; one per process."""

    def __init__(
        self, parameters: VirtualParameters, deliverer: Deliverer | None, log: MailLog
    ) -> None:
        """*deliverer* becomes the mailboxes' owners; None: they are all ours.

        Raises ConfigError: a table cannot be opened.
        """
        self._parameters = parameters
        self._deliverer = deliverer
        self._log = log
        self._own = Identity(os.geteuid(), os.getegid())
        self._delimiter = delimiter_of(parameters)
        self.virtual_mailbox_maps = open_maps(parameters.virtual_mailbox_maps, sensitive=True)
        self.virtual_uid_maps = open_maps(parameters.virtual_uid_maps, sensitive=True)
        self.virtual_gid_maps = open_maps(parameters.virtual_gid_maps, sensitive=True)

    async def find(self, address: str) -> Mailbox | Result:
        """Return the mailbox of an address, or why it gets no mail.

        Raises MapUnavailable: defer.
        """
        path = await self.path_of(address)
        if isinstance(path, Result):
            return path
        identity = await self._identity(address.lower())
        return identity if isinstance(identity, Result) else Mailbox(path, identity)

    async def path_of(self, address: str) -> str | Result:
        """Return where the mailbox of an address is, whosever it may be, or why it gets no mail.

        Raises MapUnavailable: defer.
        """
        key = address.lower()
        hit = await lookup_address(self.virtual_mailbox_maps, key, delimiter=self._delimiter)
        if hit is None:
            return Result("5.1.1", f'unknown user: "{key}"')
        path = f"{self._parameters.virtual_mailbox_base}/{hit.value}"
        if _TRAVERSAL in f"{path}/" or "\0" in path:
            self._log.warning(f"virtual_mailbox_maps: bad path for {key}: {hit.value}")
            return _MISCONFIGURED
        return path

    async def _identity(self, key: str) -> Identity | Result:
        """Return whose the mailbox of *key* is; without root it is ours."""
        uid = await self._number(self.virtual_uid_maps, key, "uid", self._own.uid)
        gid = await self._number(self.virtual_gid_maps, key, "gid", self._own.gid)
        if isinstance(uid, Result):
            return uid
        if isinstance(gid, Result):
            return gid
        if self._deliverer is None:
            if uid == self._own.uid:
                return self._own
            self._log.warning(f"recipient {key}: user id {uid} is not ours; no root")
            return _MISCONFIGURED
        if uid < self._parameters.virtual_minimum_uid:
            self._log.warning(f"recipient {key}: bad uid {uid} in virtual_uid_maps")
            return _MISCONFIGURED
        if refusal := self._deliverer.refusal(Identity(uid, gid)):
            self._log.warning(f"recipient {key}: {refusal}")
            return _MISCONFIGURED
        return Identity(uid, gid)

    async def _number(self, maps: Maps, key: str, what: str, own: int) -> int | Result:
        hit = await lookup_address(maps, key, delimiter=self._delimiter)
        if hit is None:
            if self._deliverer is None:
                return own
            self._log.warning(f"recipient {key}: {what} not found in virtual_{what}_maps")
            return _MISCONFIGURED
        if not hit.value.isascii() or not hit.value.isdigit():
            self._log.warning(f"recipient {key}: bad {what} {hit.value}")
            return _MISCONFIGURED
        return int(hit.value)
