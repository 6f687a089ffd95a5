"""One message for one recipient, handed to the process that becomes the user.

Postfix:    local/mailbox.c, file.c, command.c, maildir.c; local(8)
Parameters: mailbox_delivery_lock, deliver_lock_attempts, deliver_lock_delay, stale_lock_time,
            mailbox_size_limit, strict_mailbox_ownership, prepend_delivered_header,
            local_command_shell, command_time_limit, command_expansion_filter, export_environment,
            command_execution_directory, execution_directory_expansion_filter, biff
Must not:   touch a user's file here
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from spoolmta.agents import command
from spoolmta.agents.local.forward_files import names
from spoolmta.agents.local.mailbox import MailboxCommand, Mailboxes
from spoolmta.agents.local.recipient import LocalRecipient, ToCommand, ToFile, ToUser
from spoolmta.agents.local.user import User
from spoolmta.agents.mailbox import maildir, work
from spoolmta.agents.mailbox.biff import biff_port
from spoolmta.agents.mailbox.locking import LockRules, parse_methods
from spoolmta.agents.mailbox.mbox import MboxFile
from spoolmta.agents.mailbox.staging import stage
from spoolmta.agents.mailbox.text import (
    MBOX,
    PLAIN,
    Addresses,
    Style,
    envelope_headers,
    separator,
)
from spoolmta.agents.recipient_user import Deliverer, DelivererLost, Identity, NotPermitted
from spoolmta.agents.result import Result
from spoolmta.clock import Clock
from spoolmta.config.expansion import expand
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.maps.syntax import split_words
from spoolmta.message.envelope import Client
from spoolmta.message.outcome import Delivery
from spoolmta.spool.content import Content

_DEFAULT_CODE = "5.2.0"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way to recipient *number*; *to* is where its expansion has led."""

    delivery: Delivery
    number: int
    content: Content
    to: LocalRecipient
    client: Callable[[], Awaitable[Client]]


class Handover:
    """Delivers to commands, files and mailboxes by way of the deliverer; one per process."""

    def __init__(
        self,
        parameters: LocalParameters,
        mailboxes: Mailboxes,
        deliverer: Deliverer,
        clock: Clock,
        *,
        nobody: Identity,
    ) -> None:
        """Check the parameters; *nobody* are the rights of what belongs to root (default_privs).

        Raises ConfigError: one cannot be understood.
        """
        self._parameters = parameters
        self._nobody = nobody
        self._mailboxes = mailboxes
        self._deliverer = deliverer
        self._clock = clock
        self._headers = frozenset(split_words(parameters.prepend_delivered_header))
        self._biff_port = biff_port() if parameters.biff else None
        self._folder = Path(parameters.queue_directory)
        self._locking = LockRules(
            parse_methods(parameters.mailbox_delivery_lock),
            parameters.deliver_lock_attempts,
            parameters.deliver_lock_delay,
            parameters.stale_lock_time,
        )

    async def deliver(self, leaf: ToUser | ToCommand | ToFile, parcel: Parcel) -> Result:
        """Deliver to one destination and return what came of it.

        Raises MapUnavailable: defer.
        """
        try:
            match leaf:
                case ToUser(_, user):
                    return await self._to_user(user, parcel)
                case ToCommand(_, line):
                    return await self._to_command(line, parcel)
                case ToFile(_, path):
                    if path.endswith("/"):
                        return await self._to_maildir(path, self._identity(parcel.to), parcel)
                    return await self._to_file(path, self._identity(parcel.to), parcel)
        except DelivererLost as error:
            return Result("4.3.0", str(error))
        except NotPermitted as error:
            return Result("4.3.5", str(error))
        except OSError as error:
            return Result("4.3.0", f"cannot hand over the message: {error.strerror}")

    async def probe(self, leaf: ToUser | ToCommand | ToFile) -> Result:
        """Return what a delivery to one destination would be.

        Raises MapUnavailable: defer.
        """
        match leaf:
            case ToCommand(to, line):
                return self._would(f"command: {line}", self._identity(to))
            case ToFile(to, path):
                return self._would(f"file: {path}", self._identity(to))
            case ToUser(_, user):
                door = await self._mailboxes.of(user)
                if isinstance(door, MailboxCommand):
                    return self._would(f"command: {door.line}", user.identity)
                kind = "maildir" if door.path.endswith("/") else "mailbox"
                return self._would(kind, door.identity, own=True)

    def _would(self, where: str, identity: Identity, *, own: bool = False) -> Result:
        """Return that mail would go somewhere; root's *own* mailbox is written as root."""
        is_roots = own and identity.uid == 0 and self._deliverer.is_privileged
        if not is_roots and (refusal := self._deliverer.refusal(identity)):
            return Result("4.3.5", refusal)
        return Result("2.0.0", f"delivers to {where}")

    async def _to_user(self, user: User, parcel: Parcel) -> Result:
        door = await self._mailboxes.of(user)
        if isinstance(door, MailboxCommand):
            return await self._to_command(door.line, parcel)
        if door.path.endswith("/"):
            return await self._to_maildir(door.path, door.identity, parcel)
        strict = self._parameters.strict_mailbox_ownership
        file = MboxFile(
            path=door.path,
            owner=user.uid if strict else None,
            size_limit=self._parameters.mailbox_size_limit,
            is_mailbox=True,
            locking=self._locking,
            complaint=f"cannot update mailbox {door.path} for user {user.name}. ",
            success="delivered to mailbox",
            default=_DEFAULT_CODE,
            biff_user=user.name,
            biff_port=self._biff_port,
        )
        return await self._to_mbox(file, door.identity, parcel)

    def _identity(self, to: LocalRecipient) -> Identity:
        rights = to.rights
        if rights is None or (rights.uid == 0 and self._deliverer.is_privileged):
            return self._nobody
        return rights.identity

    async def _to_file(self, path: str, identity: Identity, parcel: Parcel) -> Result:
        file = MboxFile(
            path=path,
            owner=None,
            size_limit=self._parameters.mailbox_size_limit,
            is_mailbox=False,
            locking=self._locking,
            complaint=f"cannot append message to file {path}: ",
            success=f"delivered to file: {path}",
            default=_DEFAULT_CODE,
        )
        return await self._to_mbox(file, identity, parcel)

    async def _to_mbox(self, file: MboxFile, identity: Identity, parcel: Parcel) -> Result:
        head = separator(parcel.to.sender, self._clock.now()) + self._head(parcel, "file")
        return await self._hand_over(
            work.ToMbox(file), identity, parcel, head=head, tail=b"\n", style=MBOX
        )

    async def _to_maildir(self, path: str, identity: Identity, parcel: Parcel) -> Result:
        delivery = parcel.delivery
        name = maildir.file_name(
            delivery.queue_id,
            parcel.number,
            delivery.arrived_at,
            self._parameters.myhostname,
        )
        file = maildir.MaildirFile(
            path.rstrip("/"),
            name,
            self._clock.now() - delivery.arrived_at,
            self._parameters.mailbox_size_limit,
            _DEFAULT_CODE,
        )
        head = self._head(parcel, "file")
        return await self._hand_over(work.ToMaildir(file), identity, parcel, head=head)

    async def _to_command(self, line: str, parcel: Parcel) -> Result:
        parameters = self._parameters
        exported = command.environment(
            await _environment(parcel),
            parameters.export_environment,
            parameters.command_expansion_filter,
        )
        request = command.Command(
            line,
            parameters.local_command_shell,
            exported,
            self._start_folder(parcel.to),
            parameters.command_time_limit,
        )
        head = separator(parcel.to.sender, self._clock.now()) + self._head(parcel, "command")
        return await self._hand_over(
            work.ToCommand(request, parameters.mailbox_size_limit),
            self._identity(parcel.to),
            parcel,
            head=head,
        )

    async def _hand_over(
        self,
        request: work.Work,
        identity: Identity,
        parcel: Parcel,
        *,
        head: bytes,
        tail: bytes = b"",
        style: Style = PLAIN,
    ) -> Result:
        encoded = work.encode(request)
        if refusal := self._deliverer.refusal(identity, encoded):
            return Result("4.3.5", refusal)
        content = parcel.content
        message = await stage(
            content.read(), content.size, self._folder, head=head, tail=tail, style=style
        )
        try:
            answer = await self._deliverer.run(identity, encoded, [message])
        finally:
            os.close(message)
        return work.decode_result(answer)

    def _head(self, parcel: Parcel, kind: str) -> bytes:
        to = parcel.to
        original = to.original if self._parameters.enable_original_recipient else ""
        return envelope_headers(
            Addresses(to.sender, original, to.delivered if kind in self._headers else "")
        )

    def _start_folder(self, to: LocalRecipient) -> str:
        if not self._parameters.command_execution_directory:
            return ""
        values = names(to, to.rights, self._parameters.recipient_delimiter[:1])
        allowed = self._parameters.execution_directory_expansion_filter
        return expand(
            self._parameters.command_execution_directory,
            lambda name: command.censor(values.get(name, ""), allowed),
        )


async def _environment(parcel: Parcel) -> dict[str, str]:
    to = parcel.to
    client = await parcel.client()
    user = to.rights
    values = {
        "EXTENSION": to.extension[1:],
        "HOME": user.home if user else "",
        "SHELL": user.shell if user else "",
        "ORIGINAL_RECIPIENT": to.original,
        "ENVID": "" if to.is_list else parcel.delivery.envid,
        "CLIENT_ADDRESS": client.address,
        "CLIENT_HELO": client.helo,
        "CLIENT_HOSTNAME": client.name,
        "CLIENT_PROTOCOL": client.protocol,
        "SASL_METHOD": client.sasl_method,
        "SASL_SENDER": client.sasl_sender,
        "SASL_USERNAME": client.sasl_username,
    }
    return {
        **{name: value for name, value in values.items() if value},
        "LOGNAME": to.user,
        "USER": to.user,
        "SENDER": to.sender,
        "RECIPIENT": to.address,
        "LOCAL": to.local,
        "DOMAIN": to.domain,
    }
