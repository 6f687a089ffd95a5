"""Delivery to the users of this machine.

A recipient is expanded to its destinations; mailboxes, files and commands are delivered to at
once, one after the other, by a process that is the user; the addresses get new messages, enqueued
in the commit that ends this recipient. A destination that must be tried again makes the recipient
wait, and nothing is forwarded before; those that had the message by then do not get it again
(served.py). What is known to fail before anything is delivered holds back everything.

Postfix:    local(8)
RFC:        3461 (expanded, delivered); 3463
Parameters: config/parameters/local.py
Must not:   run as root, or touch a user's file; both is the deliverer's
Limits:     commands, files and mbox mailboxes may get a message twice after a crash
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from spoolmta.address.resolve import Routing
from spoolmta.agents import result
from spoolmta.agents.client import client_of
from spoolmta.agents.local import forwarding, roots_mail
from spoolmta.agents.local.expansion import Expander
from spoolmta.agents.local.handover import Handover, Parcel
from spoolmta.agents.local.lists import Lists
from spoolmta.agents.local.mailbox import Mailboxes
from spoolmta.agents.local.recipient import (
    Ended,
    Expansion,
    Leaf,
    LocalRecipient,
    ToAddress,
    ToCommand,
    ToFile,
    ToTransport,
    ToUser,
)
from spoolmta.agents.local.served import served, unserved
from spoolmta.agents.local.summary import every, summary
from spoolmta.agents.loop import deliveries_before
from spoolmta.agents.mailbox.work import perform
from spoolmta.agents.recipient_user import Deliverer, Identity, NotPermitted, retire_if_lost
from spoolmta.agents.result import Result, Softened
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.errors import ConfigError, MapUnavailable, TemporaryError
from spoolmta.maps.syntax import split_words
from spoolmta.message.envelope import Notify
from spoolmta.message.outcome import (
    Answer,
    Delivery,
    DeliveryRecipient,
    Outcome,
    Passed,
    Served,
    Success,
    pass_to,
)
from spoolmta.message.trace_headers import delivered_to
from spoolmta.service.context import ServiceContext
from spoolmta.service.privileges import account
from spoolmta.service.status_filter import open_status_filter
from spoolmta.spool.content import Content
from spoolmta.spool.deliveries import Report
from spoolmta.spool.queues import NewMessage

RELAY = "local"


def prepare(configuration: Configuration, service: Service) -> Deliverer:
    """Start the process that becomes the recipients, before privileges are dropped.

    Raises ConfigError: mail_owner is no user of this machine; mailboxes could not take what is
    accepted.
    """
    parameters = configuration.section(LocalParameters, service.overrides)
    if 0 < parameters.mailbox_size_limit < parameters.message_size_limit:
        raise ConfigError(
            "main.cf configuration error: mailbox_size_limit is smaller than message_size_limit"
        )
    return Deliverer.start(
        perform,
        folder=parameters.queue_directory,
        mail_owner=account(parameters.mail_owner).pw_uid,
        may_root=roots_mail.permission(parameters),
    )


def open_agent(context: ServiceContext) -> "LocalAgent":
    """Return the agent, its tables open.

    Raises ConfigError: a parameter or table cannot be used.
    """
    return LocalAgent(context)


_Said = tuple[LocalRecipient, Result]
_EMPTY = Result("2.0.0", "the list names nobody")


class _Recipient(NamedTuple):
    """A recipient of a delivery, and what comes of it."""

    delivery: Delivery
    itself: DeliveryRecipient
    content: Content
    was_delivered_to: Callable[[str], bool]


class _Done(NamedTuple):
    """What came of a recipient: *answers*, new messages, and what other transports do.

    *served* are those destinations that the next try is to leave out.
    """

    expansion: Expansion
    answers: Sequence[_Said]
    messages: Sequence[NewMessage] = ()
    passed: Sequence[Passed] = ()
    served: Sequence[Served] = ()


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
            Lists(deliverer, context.log, nobody),
            context.log,
            transport=context.service.name,
        )
        self._handover = Handover(
            parameters, Mailboxes(parameters), deliverer, context.clock, nobody=nobody
        )
        self._status_filter = open_status_filter(context)
        self._headers = frozenset(split_words(parameters.prepend_delivered_header))

    async def deliver(self, delivery: Delivery, content: Content) -> Report:
        """Deliver to each recipient in turn.

        Raises Corrupt: the message has no content.
        """
        outcomes: list[Outcome] = []
        messages: list[NewMessage] = []
        passed: list[Passed] = []
        had: list[Served] = []
        was_delivered_to = await deliveries_before(content.read())
        for recipient in delivery.recipients:
            done = await self._deliver(_Recipient(delivery, recipient, content, was_delivered_to))
            messages += done.messages
            passed += done.passed
            had += done.served
            if done.answers or done.messages or not done.passed:
                outcomes.append(await self._outcome(delivery, recipient, done))
        retire_if_lost(self._deliverer, self._context)
        return Report(
            tuple(outcomes), messages=tuple(messages), passed=tuple(passed), served=tuple(had)
        )

    async def probe(self, delivery: Delivery, content: Content) -> Report:  # noqa: ARG002
        """Say what each recipient comes down to; nothing is delivered or forwarded."""
        outcomes: list[Outcome] = []
        passed: list[Passed] = []
        for recipient in delivery.recipients:
            done = await self._probe(delivery, recipient)
            passed += done.passed
            if done.answers or not done.passed:
                outcomes.append(await self._outcome(delivery, recipient, done))
        retire_if_lost(self._deliverer, self._context)
        return Report(tuple(outcomes), passed=tuple(passed))

    async def close(self) -> None:
        """End the deliverer."""
        self._deliverer.close()

    def _first(self, delivery: Delivery, itself: DeliveryRecipient) -> LocalRecipient:
        return LocalRecipient.first(
            itself.address,
            self._routing.delimiter,
            sender=delivery.sender,
            original=itself.original,
            orcpt=itself.orcpt,
            notify=Notify(itself.notify),
        )

    async def _probe(self, delivery: Delivery, itself: DeliveryRecipient) -> _Done:
        first = self._first(delivery, itself)
        answers: list[_Said] = []
        try:
            expansion = await self._expander.expand(first, lambda _: False)
            for leaf in expansion.leaves:
                if isinstance(leaf, Ended):
                    answers.append((leaf.recipient, leaf.result))
                elif isinstance(leaf, ToAddress):
                    said = Result("2.0.0", f"forwards to {leaf.recipient.address}")
                    answers.append((leaf.recipient, said))
                elif not isinstance(leaf, ToTransport):
                    answers.append((leaf.recipient, await self._handover.probe(leaf)))
        except TemporaryError as error:
            return self._undecided(delivery, first, error)
        return _Done(expansion, answers, passed=_passed(delivery, itself, expansion))

    def _undecided(self, delivery: Delivery, first: LocalRecipient, error: TemporaryError) -> _Done:
        """Return that a recipient must wait; the log has the reason."""
        if isinstance(error, NotPermitted):
            return _Done(Expansion(()), [(first, Result("4.3.5", str(error)))])
        if isinstance(error, MapUnavailable):
            return _Done(Expansion(()), [(first, self._no_answer(error))])
        self._context.log.warning(f"{delivery.queue_id}: {error}")
        return _Done(Expansion(()), [(first, Result("4.3.0", "mail system trouble"))])

    async def _deliver(self, recipient: _Recipient) -> _Done:
        first = self._first(recipient.delivery, recipient.itself)
        try:
            if recipient.was_delivered_to(first.address):
                return await self._end_loop(recipient, first)
            expansion = await self._expander.expand(first, recipient.was_delivered_to)
            message_id, number = recipient.delivery.message_id, recipient.itself.number
            expansion = await unserved(self._context, message_id, number, expansion)
            return await self._deliver_all(recipient, expansion)
        except TemporaryError as error:
            return self._undecided(recipient.delivery, first, error)

    async def _deliver_all(self, recipient: _Recipient, expansion: Expansion) -> _Done:
        if self._status_filter is not None:
            expansion = await self._judged(expansion)
        answers: list[_Said] = [
            (leaf.recipient, leaf.result) for leaf in expansion.leaves if isinstance(leaf, Ended)
        ]
        had: list[Leaf] = []
        number = recipient.itself.number
        if not _must_wait(answers):
            answers, had = await self._deliver_here(recipient, expansion)
        if _must_wait(answers):
            return _Done(expansion, answers, served=served(number, had))
        forwarded = [leaf for leaf in expansion.leaves if isinstance(leaf, ToAddress)]
        messages = await self._forward(recipient, [leaf.recipient for leaf in forwarded])
        passed = _passed(recipient.delivery, recipient.itself, expansion)
        # Without another transport there is nothing left that could wait.
        done = served(number, (*had, *forwarded)) if passed else []
        return _Done(expansion, answers, messages, passed, done)

    async def _deliver_here(
        self, recipient: _Recipient, expansion: Expansion
    ) -> tuple[list[_Said], list[Leaf]]:
        """Return what each destination on this machine said, and those that have the message."""
        answers: list[_Said] = []
        had: list[Leaf] = []
        client = partial(client_of, self._context, recipient.delivery.message_id)
        for leaf in expansion.leaves:
            if isinstance(leaf, Ended):
                answers.append((leaf.recipient, leaf.result))
            elif isinstance(leaf, ToUser | ToCommand | ToFile):
                parcel = Parcel(
                    recipient.delivery,
                    recipient.itself.number,
                    recipient.content,
                    leaf.recipient,
                    client,
                )
                try:
                    said = await self._handover.deliver(leaf, parcel)
                except MapUnavailable as error:
                    said = self._no_answer(error)
                said = await self._judge(said)
                answers.append((leaf.recipient, said))
                if said.is_sent:
                    had.append(leaf)
        return answers, had

    async def _judged(self, expansion: Expansion) -> Expansion:
        """Return an expansion whose ends are as they count."""
        leaves = [
            replace(leaf, result=await self._judge(leaf.result))
            if isinstance(leaf, Ended)
            else leaf
            for leaf in expansion.leaves
        ]
        return replace(expansion, leaves=tuple(leaves))

    async def _judge(self, said: Result) -> Result:
        """Return a result as it counts, before it is decided what waits for it."""
        if self._status_filter is None:
            return said
        dsn, reason, is_softened = await self._status_filter.judge(said.dsn, said.reason)
        return (Softened if is_softened else Result)(dsn, reason, said.reply)

    def _no_answer(self, error: MapUnavailable) -> Result:
        self._context.log.warning(str(error))
        return Result("4.3.0", "table lookup failure")

    async def _end_loop(self, recipient: _Recipient, first: LocalRecipient) -> _Done:
        """Return the end of a message that was here before.

        If the list in the loop has an owner, the owner is told: by the failure of a copy.
        """
        nothing = Expansion(())
        owner = await self._expander.owner_of_list(first.local)
        if owner is None or owner == first.sender:
            reason = f"mail forwarding loop for {first.address}"
            return _Done(nothing, [(first, await self._judge(Result("5.4.6", reason)))])
        messages = await self._forward(recipient, [first.with_owner(owner)], head=b"")
        return _Done(nothing, [], messages)

    async def _forward(
        self, recipient: _Recipient, targets: Sequence[LocalRecipient], head: bytes | None = None
    ) -> list[NewMessage]:
        return [
            await forwarding.forward(
                self._context,
                recipient.delivery,
                recipient.content,
                group,
                head=self._head(group[0]) if head is None else head,
            )
            for group in forwarding.groups(targets)
        ]

    def _head(self, target: LocalRecipient) -> bytes:
        return delivered_to(target.delivered.lower()) if "forward" in self._headers else b""

    async def _outcome(
        self, delivery: Delivery, recipient: DeliveryRecipient, done: _Done
    ) -> Outcome:
        delays = result.delays(delivery, self._context.clock.now())
        number = recipient.number
        answers = [
            Answer(to.address, to.original, result.outcome(said, number, RELAY, delays))
            for to, said in done.answers
        ]
        for message in done.messages:
            said = await self._judge(Result("2.0.0", f"forwarded as {message.queue_id}"))
            relayed = result.outcome(said, number, RELAY, delays, tell_success=Success.RELAYED)
            answers.append(Answer(recipient.address, recipient.original, relayed))
        told = every(answers) if delivery.trace else summary(answers, done.expansion)
        return told or result.outcome(_EMPTY, number, RELAY, delays)


def _passed(delivery: Delivery, itself: DeliveryRecipient, expansion: Expansion) -> list[Passed]:
    """Return what of an expansion other transports are to deliver to."""
    return [
        pass_to(leaf.service, delivery.nexthop, itself.number, leaf.recipient.address)
        for leaf in expansion.leaves
        if isinstance(leaf, ToTransport)
    ]


def _must_wait(answers: Iterable[_Said]) -> bool:
    return any(said.is_deferred for _, said in answers)


def _identity(name: str, parameter: str) -> Identity:
    entry = account(name, parameter)
    return Identity(entry.pw_uid, entry.pw_gid)
