"""A local name at one step of its expansion, and what the expansion comes down to.

Postfix:    local/local.h, recipient.c; local(8), aliases(5)
Must not:   look anything up
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from spoolmta.address.parts import Delimiter, split_address, split_extension
from spoolmta.agents.local.user import User
from spoolmta.agents.result import Result
from spoolmta.message.envelope import Notify

# Steps of an expansion that one alias of an alias takes, and how many there may be.
STEPS_PER_NAME = 4
MOST_STEPS = 100


class Source(StrEnum):
    """Where a destination was found; the words of allow_mail_to_commands and _files."""

    ALIAS = "alias"
    INCLUDE = "include"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class LocalRecipient:
    """Whom a step of the expansion delivers to, and what came along from the steps before.

    *address* is that of this step, *local* and *domain* its parts in lower case, *user* the local
    part without *extension* (which has its delimiter). *unmatched* is the extension that addresses
    found here are given. *sender*, *original*, *orcpt* and *notify* are the envelope that goes on;
    *is_list*: the sender is that of a list with an owner. *owner* is who answers for the list or
    .forward file that named the address: other users' mail is then forwarded. *delivered* is the
    address of Delivered-To. *rights* is on whose behalf commands run and files are written, None
    for the system's. *expanded_from* is the name whose expansion this is: there it means the user.
    """

    address: str
    local: str
    domain: str
    user: str
    extension: str
    sender: str
    original: str
    orcpt: str
    notify: Notify
    delivered: str
    unmatched: str = ""
    is_list: bool = False
    owner: str = ""
    rights: User | None = None
    source: Source | None = None
    expanded_from: str = ""
    steps: int = 0

    @classmethod
    def first(
        cls,
        address: str,
        delimiter: Delimiter,
        *,
        sender: str = "",
        original: str = "",
        orcpt: str = "",
        notify: Notify = Notify.ABSENT,
    ) -> "LocalRecipient":
        """Return the beginning: a recipient as it was resolved."""
        return cls(
            address,
            *split(address, delimiter),
            sender=sender,
            original=original or address,
            orcpt=orcpt,
            notify=notify,
            delivered=address,
        )

    def at(self, address: str, delimiter: Delimiter) -> "LocalRecipient":
        """Return the next step: an address that was found here."""
        local, domain, user, extension = split(address, delimiter)
        return replace(
            self,
            address=address,
            local=local,
            domain=domain,
            user=user,
            extension=extension,
            unmatched=extension,
            steps=self.steps + STEPS_PER_NAME,
        )

    def through(self, source: Source, name: str) -> "LocalRecipient":
        """Return this as the alias or .forward file *name* has it, which tells of its success."""
        return replace(
            self, source=source, expanded_from=name, notify=notify_through_alias(self.notify)
        )

    def with_owner(self, owner: str) -> "LocalRecipient":
        """Return this as a list with an owner has it: a new sender, who asked for other things."""
        return replace(self, sender=owner, owner=owner, is_list=True, original="", orcpt="")


def split(address: str, delimiter: Delimiter) -> tuple[str, str, str, str]:
    """Return local part, domain, user and delimited extension of an address, in lower case.

    An extension that could lead out of a folder is none.
    """
    local, domain = split_address(address.lower())
    user, extension = split_extension(local, delimiter)
    delimited = "" if extension is None or "/" in extension else local[len(user) :]
    return local, domain, user, delimited


def notify_through_alias(notify: Notify) -> Notify:
    """Return what is asked of those behind an alias: its success is told where it is expanded."""
    if not notify & Notify.SUCCESS:
        return notify
    return notify & ~Notify.SUCCESS or Notify.NEVER


@dataclass(frozen=True, slots=True)
class ToUser:
    """The mailbox of a user."""

    recipient: LocalRecipient
    user: User


@dataclass(frozen=True, slots=True)
class ToCommand:
    """A command, run with the recipient's rights."""

    recipient: LocalRecipient
    line: str


@dataclass(frozen=True, slots=True)
class ToFile:
    """A file, or a maildir if *path* ends in a slash."""

    recipient: LocalRecipient
    path: str


@dataclass(frozen=True, slots=True)
class ToAddress:
    """The recipient's address becomes that of a new message."""

    recipient: LocalRecipient


@dataclass(frozen=True, slots=True)
class ToTransport:
    """Another transport ("name" or "name:nexthop") delivers."""

    recipient: LocalRecipient
    service: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing to deliver: the result stands."""

    recipient: LocalRecipient
    result: Result


Leaf = ToUser | ToCommand | ToFile | ToAddress | ToTransport | Ended


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a recipient comes down to.

    *is_expanded*: an alias or .forward file was found for it; *has_owner*: the first of
    them is an alias with an owner.
    """

    leaves: tuple[Leaf, ...]
    is_expanded: bool = False
    has_owner: bool = False
