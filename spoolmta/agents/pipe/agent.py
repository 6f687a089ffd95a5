"""Delivery to a command: one run of it for all recipients of a delivery.

The message is complete in a file before the command begins. It runs as the user that master.cf
names, in a process of its own (recipient_user); how it ends says what became of the message.

Postfix:    pipe(8)
RFC:        3461 (relayed, delivered); 3463
Parameters: SERVICE_time_limit, SERVICE_destination_recipient_limit, export_environment,
            queue_directory, mail_owner, recipient_delimiter
Must not:   run as root, or as mail_owner where that is not the user that started us
Limits:     after a crash a command may get a message twice
"""

import os
from dataclasses import dataclass
from pathlib import Path

from spoolmta.address.routing import delimiter_of
from spoolmta.agents import command, result
from spoolmta.agents.client import client_of
from spoolmta.agents.loop import was_delivered_to
from spoolmta.agents.mailbox import work
from spoolmta.agents.mailbox.staging import stage
from spoolmta.agents.mailbox.text import Style, separator
from spoolmta.agents.mailbox.work import perform
from spoolmta.agents.pipe import attributes
from spoolmta.agents.pipe.arguments import (
    Argument,
    Writing,
    expand,
    needs_client,
    parse_argument,
    sender_of,
)
from spoolmta.agents.pipe.attributes import identity_of, parse_attributes
from spoolmta.agents.recipient_user import (
    Deliverer,
    DelivererLost,
    NoSuchRoot,
    NotPermitted,
    retire_if_lost,
)
from spoolmta.agents.result import Result
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.errors import ConfigError
from spoolmta.message.envelope import Client
from spoolmta.message.outcome import Delivery, Success
from spoolmta.message.trace_headers import delivered_to, original_to, return_path
from spoolmta.service.context import ServiceContext
from spoolmta.service.privileges import account
from spoolmta.spool.content import Content
from spoolmta.spool.deliveries import Report

_SHOWN = 100
_MISCONFIGURED = Result("4.3.5", "mail system configuration error")
_TEMPORARY = "temporary failure"
_NO_CLIENT = Client()


@dataclass(frozen=True, slots=True)
class Call:
    """How a delivery calls the command: its words, and what is around the message."""

    words: tuple[str, ...]
    head: bytes
    tail: bytes


def prepare(configuration: Configuration, service: Service) -> Deliverer:
    """Start the process that becomes the command's user, before privileges are dropped.

    Raises ConfigError: mail_owner is no user of this machine.
    """
    parameters = configuration.section(CommonParameters, service.overrides)
    owner = account(parameters.mail_owner).pw_uid
    return Deliverer.start(perform, folder=parameters.queue_directory, mail_owner=owner)


def open_agent(context: ServiceContext) -> "PipeAgent":
    """Return the agent.

    Raises ConfigError: the service's attributes cannot be used.
    """
    return PipeAgent(context)


class PipeAgent:
    """Hands mail to one service's command."""

    def __init__(self, context: ServiceContext) -> None:
        """Use `open_agent`; *context.prepared* is what `prepare` returned."""
        parameters = context.section(RoutingParameters)
        deliverer = context.prepared
        assert isinstance(deliverer, Deliverer)
        self._context = context
        self._deliverer = deliverer
        self._parameters = parameters
        self._attributes = parse_attributes(context.service.arguments)
        self._identity = identity_of(
            self._attributes.user,
            account(parameters.mail_owner),
            is_privileged=deliverer.is_privileged,
        )
        self._writing = Writing(
            self._attributes.flags, self._attributes.null_sender, delimiter_of(parameters)
        )
        self._name = context.service.name
        self._time_limit = context.configuration.transport_seconds(self._name, "_time_limit")
        self._environment = command.environment({}, parameters.export_environment, "")
        self._arguments = self._parse()
        if refusal := deliverer.refusal(self._identity):
            context.log.warning(f"user={self._attributes.user}: {refusal}: mail waits")

    async def deliver(self, delivery: Delivery, content: Content) -> Report:
        """Run the command for all recipients.

        Raises Corrupt: the message has no content.
        """
        said = await self._result(delivery, content)
        delays = result.delays(delivery, self._context.clock.now())
        is_final = attributes.FINAL in self._attributes.flags
        success = Success.DELIVERED if is_final else Success.RELAYED
        retire_if_lost(self._deliverer, self._context)
        return Report(
            tuple(
                result.outcome(said, one.number, self._name, delays, tell_success=success)
                for one in delivery.recipients
            )
        )

    async def probe(self, delivery: Delivery, content: Content) -> Report:  # noqa: ARG002
        """Say that the command would get the message, whatever it would make of it."""
        delays = result.delays(delivery, self._context.clock.now())
        refusal = self._deliverer.refusal(self._identity)
        said = Result("2.0.0", f"delivers to command: {self._attributes.argv[0]}")
        if refusal or self._arguments is None:
            said = Result("4.3.5", refusal) if refusal else _MISCONFIGURED
        return Report(
            tuple(result.outcome(said, r.number, self._name, delays) for r in delivery.recipients)
        )

    async def close(self) -> None:
        """End the deliverer."""
        self._deliverer.close()

    def _parse(self) -> tuple[Argument, ...] | None:
        """Return the arguments; None if one cannot be understood: mail waits for the operator."""
        try:
            return tuple(map(parse_argument, self._attributes.argv))
        except ConfigError as error:
            service = self._context.service
            self._context.log.warning(f"{service.file}, line {service.line}: {error}")
            return None

    async def _result(self, delivery: Delivery, content: Content) -> Result:
        flags = self._attributes.flags
        if self._arguments is None or self._is_for_too_many(delivery):
            return _MISCONFIGURED
        if 0 < self._attributes.size < delivery.size:
            return Result("5.2.3", "message too large")
        recipient = delivery.recipients[0].address
        if attributes.DELIVERED_TO in flags and await was_delivered_to(content.read(), recipient):
            return Result("5.4.6", f"mail forwarding loop for {recipient}")
        if refusal := self._deliverer.refusal(self._identity):
            return Result("4.3.5", refusal)
        client = _NO_CLIENT
        if needs_client(self._arguments):
            client = await client_of(self._context, delivery.message_id)
        words = expand(self._arguments, delivery, client, self._writing)
        call = Call(words, self._head(delivery), self._tail())
        try:
            said = await self._run(call, content)
        except NoSuchRoot as error:
            return self._failed(delivery, str(error))
        except DelivererLost as error:
            return Result("4.3.0", str(error))
        except NotPermitted as error:
            return Result("4.3.5", str(error))
        except OSError as error:
            return Result("4.3.0", f"cannot hand over the message: {error.strerror}")
        if said.is_sent:
            return self._delivered(said)
        # Why a command could not begin stands in the reply; one that ended with 75 says no more.
        has_begun = said.reason != _TEMPORARY or said.reply == _TEMPORARY
        return said if has_begun else self._failed(delivery, said.reply)

    def _is_for_too_many(self, delivery: Delivery) -> bool:
        """Tell whether one header would have to name several recipients."""
        if len(delivery.recipients) == 1:
            return False
        for flag in (attributes.DELIVERED_TO, attributes.ORIGINAL_TO):
            if flag in self._attributes.flags:
                self._context.log.warning(
                    f"pipe flag `{flag}' requires {self._name}_destination_recipient_limit = 1"
                )
                return True
        return False

    async def _run(self, call: Call, content: Content) -> Result:
        own = self._attributes
        flags = own.flags
        style = Style(attributes.QUOTE_FROM in flags, attributes.DOUBLE_DOTS in flags, own.eol)
        message = await stage(
            content.read(),
            content.size,
            Path(self._parameters.queue_directory),
            head=call.head,
            tail=call.tail,
            style=style,
        )
        request = command.Command(
            call.words[0], "", self._environment, own.directory, self._time_limit, call.words
        )
        try:
            answer = await self._deliverer.run(
                self._identity,
                work.encode(work.ToCommand(request)),
                [message],
                root=own.chroot,
            )
        finally:
            os.close(message)
        return work.decode_result(answer)

    def _delivered(self, said: Result) -> Result:
        output = f" ({said.reply[:_SHOWN]})" if said.reply else ""
        return Result("2.0.0", f"delivered via {self._name} service{output}", said.reply)

    def _failed(self, delivery: Delivery, detail: str) -> Result:
        """Return what is said of a command that has not been run; the log has the reason."""
        if detail:
            self._context.log.warning(f"{delivery.queue_id}: {detail}")
        return Result("4.3.0", _TEMPORARY)

    def _head(self, delivery: Delivery) -> bytes:
        flags = self._attributes.flags
        sender = sender_of(delivery, self._attributes.null_sender)
        first = delivery.recipients[0]
        head = b""
        if attributes.FROM_LINE in flags:
            head += separator(sender, self._context.clock.now()).replace(b"\n", b"\r\n")
        if attributes.RETURN_PATH in flags:
            head += return_path(sender)
        if attributes.ORIGINAL_TO in flags:
            head += original_to(first.original or first.address)
        if attributes.DELIVERED_TO in flags:
            head += delivered_to(first.address)
        return head.replace(b"\r\n", self._attributes.eol)

    def _tail(self) -> bytes:
        return self._attributes.eol if attributes.BLANK_LINE in self._attributes.flags else b""
