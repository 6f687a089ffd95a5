"""Delivery to the users of this machine.

A recipient is expanded to its destinations; mailboxes, files and commands are delivered to at
once, one after the other, by a process that is the user; all addresses together get a new message,
enqueued in the commit that ends this recipient. One destination that must be tried again makes the
recipient wait, and nothing is forwarded before; those that had the message by then get it again,
save maildirs.

Postfix:    local(8)
RFC:        3461 (expanded, delivered); 3463
Parameters: config/parameters/local.py
Must not:   run as root, or touch a user's file; both is the deliverer's
Limits:     commands, files and mbox mailboxes may get a message twice after a crash
"""

import os
from functools import partial

from spoolmta.address.parts import split_address, split_extension
from spoolmta.address.resolve import Routing
from spoolmta.agents import result
from spoolmta.agents.client import client_of
from spoolmta.agents.local import forwarding
from spoolmta.agents.local.expansion import Ended, Expander, Expansion, ToAddress
from spoolmta.agents.local.handover import Handover, Parcel
from spoolmta.agents.local.lists import Lists
from spoolmta.agents.local.mailbox import Mailboxes
from spoolmta.agents.loop import was_delivered_to
from spoolmta.agents.mailbox.work import perform
from spoolmta.agents.recipient_user import Deliverer, Identity, NotPermitted, retire_if_lost
from spoolmta.agents.result import Result
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.errors import TemporaryError
from spoolmta.maps import open_maps
from spoolmta.maps.syntax import split_words
from spoolmta.message.outcome import Delivery, DeliveryRecipient, Outcome, Success
from spoolmta.message.trace_headers import delivered_to
from spoolmta.service.context import ServiceContext
from spoolmta.service.privileges import account
from spoolmta.spool.content import Content
from spoolmta.spool.deliveries import Report
from spoolmta.spool.queues import NewMessage

RELAY = "local"


def prepare(configuration: Configuration, service: Service) -> Deliverer:
    """Start the process that becomes the recipients, before privileges are dropped.

    Raises ConfigError: mail_owner is no user of this machine.
    """
    parameters = configuration.section(LocalParameters, service.overrides)
    owner = account(parameters.mail_owner).pw_uid
    return Deliverer.start(perform, folder=parameters.queue_directory, mail_owner=owner)


def open_agent(context: ServiceContext) -> "LocalAgent":
    """Return the agent, its tables open.

    Raises ConfigError: a parameter or table cannot be used.
    """
    return LocalAgent(context)


class LocalAgent:
    """Delivers to local recipients."""

    def __init__(self, context: ServiceContext) -> None:
        """Use `open_agent`; *context.prepared* is what `prepare` returned."""
        parameters = context.section(LocalParameters)
        deliverer = context.prepared
        assert isinstance(deliverer, Deliverer)
        nobody = (
            _identity(parameters.default_privs, "default_privs")
            if deliverer.is_privileged
            else Identity(os.geteuid(), os.getegid())
        )
        self._context = context
        self._deliverer = deliverer
        self._routing = Routing.open(parameters)
        self._expander = Expander(
            parameters,
            self._routing,
            open_maps(parameters.alias_maps, sensitive=True),
            Lists(deliverer, context.log, nobody),
            context.log,
        )
        self._handover = Handover(
            parameters,
            Mailboxes(parameters),
            deliverer,
            context.clock,
        )
        self._headers = frozenset(split_words(parameters.prepend_delivered_header))

    async def deliver(self, delivery: Delivery, content: Content) -> Report:
        """Deliver to each recipient in turn.

        Raises Corrupt: the message has no content.
        """
        outcomes: list[Outcome] = []
        messages: list[NewMessage] = []
        for recipient in delivery.recipients:
            said, message, success = await self._deliver(delivery, recipient, content)
            now = self._context.clock.now()
            outcomes.append(
                result.outcome(
                    said,
                    recipient.number,
                    RELAY,
                    result.delays(delivery, now),
                    tell_success=success,
                )
            )
            if message is not None:
                messages.append(message)
        retire_if_lost(self._deliverer, self._context)
        return Report(tuple(outcomes), messages=tuple(messages))

    async def close(self) -> None:
        """End the deliverer."""
        self._deliverer.close()

    async def _deliver(
        self, delivery: Delivery, recipient: DeliveryRecipient, content: Content
    ) -> tuple[Result, NewMessage | None, Success]:
        address = recipient.address
        success = Success.DELIVERED
        try:
            if await was_delivered_to(content.read(), address):
                return Result("5.4.6", f"mail forwarding loop for {address}"), None, success
            expansion = await self._expander.expand(address)
            if expansion.is_expanded:
                success = Success.EXPANDED
            results = await self._deliver_here(delivery, recipient, content, expansion)
            if any(one.is_deferred for one in results):
                return result.worst(results), None, success
            message = await self._forward(delivery, recipient, content, expansion)
        except NotPermitted as error:
            return Result("4.3.5", str(error)), None, success
        except TemporaryError as error:
            self._context.log.warning(f"{delivery.queue_id}: {error}")
            return Result("4.3.0", "mail system trouble, will be tried again"), None, success
        if message is not None:
            results.append(Result("2.0.0", f"forwarded as {message.queue_id}"))
        if not results:
            return Result("5.1.1", f'unknown user: "{split_address(address)[0]}"'), None, success
        return result.worst(results), message, success

    async def _deliver_here(
        self,
        delivery: Delivery,
        recipient: DeliveryRecipient,
        content: Content,
        expansion: Expansion,
    ) -> list[Result]:
        local = split_address(recipient.address)[0]
        user, extension = split_extension(local, self._routing.delimiter)
        parcel = Parcel(
            delivery,
            recipient,
            content,
            delivery.sender if expansion.owner is None else expansion.owner,
            "" if not extension or "/" in extension else local[len(user) :],
            partial(client_of, self._context, delivery.message_id),
        )
        results = []
        for leaf in expansion.leaves:
            if isinstance(leaf, Ended):
                results.append(leaf.result)
            elif not isinstance(leaf, ToAddress):
                results.append(await self._handover.deliver(leaf, parcel))
        return results

    async def _forward(
        self,
        delivery: Delivery,
        recipient: DeliveryRecipient,
        content: Content,
        expansion: Expansion,
    ) -> NewMessage | None:
        addresses = [leaf.address for leaf in expansion.leaves if isinstance(leaf, ToAddress)]
        if not addresses:
            return None
        head = delivered_to(recipient.address) if "forward" in self._headers else b""
        return await forwarding.forward(
            self._context,
            delivery,
            recipient,
            content,
            addresses,
            owner=expansion.owner,
            head=head,
        )


def _identity(name: str, parameter: str) -> Identity:
    entry = account(name, parameter)
    return Identity(entry.pw_uid, entry.pw_gid)
