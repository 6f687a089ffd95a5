"""Delivery to virtual mailboxes: a table says where the mailbox of an address is.

Without root this process delivers as itself: maildirs in batches, mailboxes that are files in a
thread of their own each. With root deliveries are made by a process that is the user whom
virtual_uid_maps names: those to maildirs in batches, too.

Postfix:    virtual(8)
Parameters: config/parameters/virtual.py
Must not:   run as root
Limits:     a mailbox that is a file may get a message twice after a crash
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from spoolmta.agents import result
from spoolmta.agents.mailbox import maildir, mbox, work
from spoolmta.agents.mailbox.batch import OwnersMaildirs, OwnMaildirs
from spoolmta.agents.mailbox.locking import LockRules, parse_methods
from spoolmta.agents.mailbox.mbox import MboxFile
from spoolmta.agents.mailbox.staging import read_staged, stage
from spoolmta.agents.mailbox.text import (
    MBOX,
    Addresses,
    MailboxText,
    convert,
    envelope_headers,
    separator,
)
from spoolmta.agents.mailbox.trouble import MailboxError
from spoolmta.agents.mailbox.work import perform
from spoolmta.agents.recipient_user import (
    Deliverer,
    DelivererLost,
    Identity,
    NotPermitted,
    retire_if_lost,
)
from spoolmta.agents.result import Result
from spoolmta.agents.virtual_mailboxes import Mailbox, VirtualMailboxes
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.config.parameters.virtual import VirtualParameters
from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.message.outcome import Delivery, DeliveryRecipient, Outcome
from spoolmta.service.context import ServiceContext
from spoolmta.service.privileges import account
from spoolmta.spool.content import PIECE_BYTES, Content
from spoolmta.spool.deliveries import Report

RELAY = "virtual"

_DEFAULT_CODE = "4.2.0"


def prepare(configuration: Configuration, service: Service) -> Deliverer | None:
    """Start the process that becomes the mailboxes' owners, if we are root and will not stay so.

    Raises ConfigError: mail_owner is no user of this machine.
    """
    parameters = configuration.section(CommonParameters, service.overrides)
    owner = account(parameters.mail_owner).pw_uid
    if os.geteuid() != 0 or owner == 0:
        return None
    return Deliverer.start(perform, folder=parameters.queue_directory, mail_owner=owner)


def open_agent(context: ServiceContext) -> "VirtualAgent":
    """Return the agent, its tables open.

    Raises ConfigError: a parameter or table cannot be used.
    """
    return VirtualAgent(context)


class VirtualAgent:
    """Delivers to virtual mailboxes."""

    def __init__(self, context: ServiceContext) -> None:
        """Use `open_agent`; *context.prepared* is what `prepare` returned."""
        parameters = context.section(VirtualParameters)
        prepared = context.prepared
        assert prepared is None or isinstance(prepared, Deliverer)
        if 0 < parameters.virtual_mailbox_limit < parameters.message_size_limit:
            raise ConfigError("virtual_mailbox_limit is smaller than message_size_limit")
        self._context = context
        self._parameters = parameters
        self._deliverer = prepared
        self._mailboxes = VirtualMailboxes(parameters, prepared, context.log)
        self._own_maildirs = OwnMaildirs()
        self._maildirs = OwnersMaildirs(prepared) if prepared is not None else None
        self._locking = LockRules(
            parse_methods(parameters.virtual_mailbox_lock),
            parameters.deliver_lock_attempts,
            parameters.deliver_lock_delay,
            parameters.stale_lock_time,
        )

    async def deliver(self, delivery: Delivery, content: Content) -> Report:
        """Deliver to all recipients at once.

        Raises Corrupt: the message has no content.
        """
        recipients = delivery.recipients
        if len(recipients) == 1:
            return Report((await self._outcome(delivery, recipients[0], content),))
        return Report(
            tuple(
                await asyncio.gather(
                    *(self._outcome(delivery, recipient, content) for recipient in recipients)
                )
            )
        )

    async def probe(self, delivery: Delivery, content: Content) -> Report:  # noqa: ARG002
        """Say whether there is a mailbox for each recipient."""
        delays = result.delays(delivery, self._context.clock.now())
        return Report(
            tuple(
                [
                    result.outcome(await self._probe(one.address), one.number, RELAY, delays)
                    for one in delivery.recipients
                ]
            )
        )

    async def close(self) -> None:
        """End the threads and the deliverer."""
        await self._own_maildirs.close()
        if self._deliverer is not None:
            self._deliverer.close()

    async def _probe(self, address: str) -> Result:
        try:
            mailbox = await self._mailboxes.find(address)
        except MapUnavailable as error:
            self._context.log.warning(str(error))
            return Result("4.3.0", "mailbox table lookup error")
        if isinstance(mailbox, Result):
            return mailbox
        kind = "maildir" if mailbox.is_maildir else "mailbox"
        return Result("2.0.0", f"delivers to {kind}")

    async def _outcome(
        self, delivery: Delivery, recipient: DeliveryRecipient, content: Content
    ) -> Outcome:
        try:
            mailbox = await self._mailboxes.find(recipient.address)
            if isinstance(mailbox, Result):
                said = mailbox
            else:
                said = await self._deliver(mailbox, delivery, recipient, content)
        except MapUnavailable as error:
            self._context.log.warning(f"{delivery.queue_id}: {error}")
            said = Result("4.3.0", "mailbox table lookup error")
        except DelivererLost as error:
            assert self._deliverer is not None
            retire_if_lost(self._deliverer, self._context)
            said = Result("4.3.0", str(error))
        except NotPermitted as error:
            said = Result("4.3.5", str(error))
        except OSError as error:
            said = Result("4.3.0", f"cannot stage the message: {error.strerror}")
        delays = result.delays(delivery, self._context.clock.now())
        return result.outcome(said, recipient.number, RELAY, delays)

    async def _deliver(
        self, mailbox: Mailbox, delivery: Delivery, recipient: DeliveryRecipient, content: Content
    ) -> Result:
        head = envelope_headers(
            Addresses(delivery.sender, recipient.original or recipient.address, recipient.address)
        )
        if not mailbox.is_maildir:
            head = separator(delivery.sender, self._context.clock.now()) + head
            return await self._to_file(mailbox, head, content)
        file = self._maildir_file(mailbox, delivery, recipient)
        if content.size <= PIECE_BYTES:
            message = b"".join((head, *convert([await content.whole()])))
            if self._maildirs is not None:
                return await self._maildirs.deliver(mailbox.identity, file, message)
            return await self._own_maildirs.deliver(file, message)
        if self._deliverer is not None:
            staged = await stage(content.read(), content.size, self._folder, head=head)
            return await self._as_owner(work.ToMaildir(file), mailbox.identity, staged)
        return await self._stream(file, head, content.read())

    async def _stream(
        self, file: maildir.MaildirFile, head: bytes, pieces: AsyncIterator[bytes]
    ) -> Result:
        """Write a large message piece by piece, the event loop going on meanwhile."""
        text = MailboxText()
        written: maildir.Written | None = None
        try:
            written = await self._own_maildirs.call(lambda: maildir.create(file))
            assert written is not None
            await self._write(written, head)
            async for piece in pieces:
                await self._write(written, text.feed(piece))
            await self._write(written, text.end())
        except BaseException as error:
            if written is not None:
                maildir.discard(written)
            if isinstance(error, MailboxError):
                return maildir.failed(error)
            raise
        return await self._own_maildirs.publish(written)

    async def _write(self, written: maildir.Written, data: bytes) -> None:
        await self._own_maildirs.call(lambda: maildir.write(written, data))

    async def _to_file(self, mailbox: Mailbox, head: bytes, content: Content) -> Result:
        file = MboxFile(
            path=mailbox.path,
            owner=mailbox.identity.uid,
            size_limit=self._parameters.virtual_mailbox_limit,
            is_mailbox=True,
            locking=self._locking,
            complaint=f"delivery failed to mailbox {mailbox.path}: ",
            success="delivered to mailbox",
            default=_DEFAULT_CODE,
        )
        message = await stage(
            content.read(), content.size, self._folder, head=head, tail=b"\n", style=MBOX
        )
        if self._deliverer is not None:
            return await self._as_owner(work.ToMbox(file), mailbox.identity, message)
        try:
            return await asyncio.to_thread(
                mbox.append, file, read_staged(message), self._context.clock
            )
        finally:
            os.close(message)

    async def _as_owner(self, request: work.Work, identity: Identity, message: int) -> Result:
        assert self._deliverer is not None
        try:
            answer = await self._deliverer.run(identity, work.encode(request), [message])
        finally:
            os.close(message)
        return work.decode_result(answer)

    def _maildir_file(
        self, mailbox: Mailbox, delivery: Delivery, recipient: DeliveryRecipient
    ) -> maildir.MaildirFile:
        name = maildir.file_name(
            delivery.queue_id, recipient.number, delivery.arrived_at, self._parameters.myhostname
        )
        return maildir.MaildirFile(
            mailbox.path.rstrip("/"),
            name,
            self._context.clock.now() - delivery.arrived_at,
            self._parameters.virtual_mailbox_limit,
            _DEFAULT_CODE,
        )

    @property
    def _folder(self) -> Path:
        return Path(self._parameters.queue_directory)
