"""Follows mail for an address all the way, and delivers nothing.

Postfix: sendmail(1) -bv, ADDRESS_REWRITING_README, ADDRESS_CLASS_README
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spoolmta.address.address_list import parse_address_list
from spoolmta.address.generic import Generic
from spoolmta.address.virtual_alias import AliasExpansionError
from spoolmta.agents import discard, error
from spoolmta.agents.mailbox.work import perform
from spoolmta.agents.pipe.attributes import parse_attributes
from spoolmta.agents.recipient_user import Deliverer
from spoolmta.cli.explanation import admission
from spoolmta.cli.explanation.admission import Caller, Door
from spoolmta.cli.explanation.aliases import steps_to
from spoolmta.cli.explanation.conclusion import conclude, hear_cleanup
from spoolmta.cli.explanation.facts import (
    Admission,
    Explanation,
    Line,
    Problem,
    Recipient,
    Step,
    Verdict,
)
from spoolmta.cli.explanation.mailbox import Place, Places
from spoolmta.cli.explanation.rewriting import Desk, Post
from spoolmta.cli.explanation.route import RecordedRouting, limits, route
from spoolmta.cli.explanation.servers import CLIENTS, client_settings, servers
from spoolmta.cli.explanation.watched import SilentResolver
from spoolmta.clock import SystemClock
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.config.parameters.smtp import ClientParameters
from spoolmta.config.parameters.virtual import VirtualParameters
from spoolmta.config.program import NOT_YET, transports
from spoolmta.errors import ConfigError, MapUnavailable, TemporaryError, UsageError
from spoolmta.maillog import MailLog
from spoolmta.maillog.targets import NoTarget
from spoolmta.maps import open_maps
from spoolmta.maps.recorded import Recorder, hits
from spoolmta.maps.watched import keep_problems, tell_problems
from spoolmta.message.envelope import Client, Notify
from spoolmta.message.submitter import find_submitter
from spoolmta.net.dns import Resolver, parse_nameservers
from spoolmta.service.privileges import account
from spoolmta.stages.cleanup.rules import CleanupRules

_THIS_MACHINE = "127.0.0.1"
_DEEPEST_FORWARD = 10
_UNAVAILABLE = "4.3.0"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: mail for *address*, from *sender*.

    *sender* None is who asks; *client* "" means mail that is posted on this machine. *service* is
    the SMTP server that is asked what it says, None for the first one.
    """

    address: str
    sender: str | None = None
    client: str = ""
    sasl: str = ""
    helo: str = ""
    service: str | None = None
    dns: bool = True


class Overheard(MailLog):
    """A log that writes nothing and keeps what the services would warn of."""

    def __init__(self) -> None:
        super().__init__(NoTarget(), "explain", "localhost")
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        """Keep a warning."""
        if text not in self.warnings:
            self.warnings.append(text)


def single_address(word: str) -> str:
    """Return the one address of a word in internal form; "" for <>.

    Raises UsageError: it is none, or several.
    """
    listed = parse_address_list(word)
    if len(listed) != 1:
        raise UsageError(f'"{word}": expected one address')
    return listed[0].internal


def start_reader(configuration: Configuration) -> Deliverer | None:
    """Return who reads users' files as the users, if we are root; call it before an event loop.

    Raises ConfigError: mail_owner is no user of this machine.
    """
    owner = account(configuration.section(CommonParameters).mail_owner).pw_uid
    if os.geteuid() != 0 or owner == 0:
        return None
    return Deliverer.start(perform, folder="/", mail_owner=owner)


@dataclass(slots=True)
class Inquiry:
    """One question on its way to an answer."""

    configuration: Configuration
    question: Question
    reader: Deliverer | None = None
    log: Overheard = field(default_factory=Overheard)
    recorder: Recorder = field(default_factory=Recorder)
    _routing: RecordedRouting = field(init=False)
    _desk: Desk = field(init=False)
    _resolver: Resolver = field(init=False)

    async def run(self) -> Explanation:
        """Return the explanation.

        Raises ConfigError: the mail system would not start with this configuration.
        """
        # A table that cannot be opened is to the mail system one that gives no answer.
        tell_problems(self.log.warning)
        try:
            return await self._run()
        finally:
            keep_problems()

    async def _run(self) -> Explanation:
        configuration, question = self.configuration, self.question
        server = admission.server(configuration, question.service)
        self._routing = RecordedRouting(configuration, self.recorder)
        self._resolver = self._name_service()
        overrides = self._pickup_overrides()
        if question.client and server is not None:
            overrides = server.overrides
        rules = CleanupRules.open(configuration, self.log, overrides)
        self.recorder.watch_all(rules, {})
        self._desk = Desk(rules, self._routing, self.recorder)
        sender = question.sender
        if sender is None:
            sender = find_submitter(os.getuid()).name
        told = Explanation(question.address, sender, question.address)
        await self._envelope(told, sender)
        if server is not None:
            told.smtp = await self._admission(server, told.sender)
        told.warnings = self.log.warnings
        conclude(told)
        return told

    async def _envelope(self, told: Explanation, sender: str) -> None:
        """Find out the envelope, and where each of its recipients goes."""
        post = self._post(sender)
        try:
            told.sender, told.sender_steps = await self._desk.sender(sender)
            told.lines.append(await self._desk.line(post.recipient))
            told.lines += await self._desk.copies(post, told.sender)
        except (MapUnavailable, AliasExpansionError) as error_:
            # The table's own words, where cleanup wraps them in its.
            told.verdict, told.reason = Verdict.UNDECIDED, str(error_.__cause__ or error_)
            return
        told.rewritten = told.lines[0].rewritten
        result = await self._desk.clean(post, SystemClock().now())
        hear_cleanup(told, result)
        for recipient in result.recipients:
            steps = _steps_of(recipient.address, told.lines)
            found = await self._recipient(recipient.address, result.sender, steps, 0)
            found.copy = recipient.notify == Notify.NEVER
            told.recipients.append(found)

    def _post(self, sender: str) -> Post:
        question = self.question
        if not question.client:
            return Post(question.address, sender, "sendmail", Client())
        client = Client(
            "unknown", address=question.client, protocol="ESMTP", sasl_username=question.sasl
        )
        return Post(question.address, sender, "smtpd", client)

    async def _recipient(
        self, address: str, sender: str, steps: list[Step], depth: int
    ) -> Recipient:
        """Return where one recipient's mail goes."""
        try:
            found, how = await route(address, sender, self._routing, self.recorder)
        except MapUnavailable as failure:
            told = Recipient(address, "", "retry", "", steps=steps)
            told.problem = Problem(_UNAVAILABLE, str(failure))
            return told
        told = Recipient(
            found.recipient,
            str(found.address_class),
            found.transport,
            found.nexthop,
            steps=[*steps, *how],
            limits=limits(self.configuration, found, sender),
        )
        try:
            await self._transport(told, sender, depth)
        except (TemporaryError, ConfigError) as failure:
            told.problem = Problem(_UNAVAILABLE, str(failure))
        return told

    async def _transport(self, told: Recipient, sender: str, depth: int) -> None:
        """Find out what the agent of the recipient's transport would do."""
        name = told.transport
        if name not in transports(self.configuration.services):
            told.problem = Problem(
                _UNAVAILABLE, f"mail transport unavailable: {self._absent(name)}"
            )
            return
        service = self.configuration.service(name)
        match service.command:
            case "error":
                said = error.explain(told.nexthop, "4" if name == error.RETRY else "5")
                told.problem = Problem(said.dsn, said.reason)
            case "discard":
                told.remarks.append(f"dropped: {discard.explain(told.nexthop).reason}")
            case "virtual":
                self._place(told, await self._places().virtual(told.address, service))
                self._mailbox_limits(told, service)
            case "local":
                place = await self._places().local(told.address, service)
                self._place(told, place)
                self._mailbox_limits(told, service)
                await self._forward(told, place, sender, depth)
            case "pipe":
                attributes = parse_attributes(service.arguments)
                told.mailbox = f"|{' '.join(attributes.argv)}"
                told.mailboxes = [told.mailbox]
                told.remarks.append(f"the command runs as {attributes.user}")
            case command if command in CLIENTS:
                await self._servers(told, sender, service)

    async def _servers(self, told: Recipient, sender: str, service: Service) -> None:
        await self._generic(told, sender, service)
        settings = client_settings(self.configuration, service)
        if not self.question.dns:
            return
        search = await servers(told.nexthop, settings, self._resolver, self.log)
        told.hosts, told.problem = search.hosts, search.problem
        if search.passed_to:
            told.remarks.append(
                f"this machine is its mail exchanger: {search.passed_to} delivers"
                " (best_mx_transport)"
            )

    async def _generic(self, told: Recipient, sender: str, service: Service) -> None:
        """Find out what servers see in place of the addresses."""
        name = f"{service.command}_generic_maps"
        maps = open_maps(self.configuration.value(name, service.overrides))
        if not maps:
            return
        generic = Generic(self.recorder.watch(name, maps), name, self._routing, self.log.warning)
        for what, address in (("recipient", told.address), ("sender", sender)):
            self.recorder.take()
            shown = await generic.replaced(address)
            if shown != address:
                hit = hits(self.recorder.take())[-1]
                step = Step(f"{what} shown", shown, name, hit.table, hit.key, hit.value or "")
                told.steps.append(step)

    def _place(self, told: Recipient, place: Place) -> None:
        told.mailboxes = place.paths
        told.mailbox = place.paths[0] if place.paths else None
        told.steps += place.steps
        told.remarks += place.remarks
        told.problem = place.problem

    def _mailbox_limits(self, told: Recipient, service: Service) -> None:
        configuration, overrides = self.configuration, service.overrides
        if told.limits is None:
            return
        if service.command == "virtual":
            size = configuration.section(VirtualParameters, overrides).virtual_mailbox_limit
            told.limits = replace(told.limits, mailbox_size=size)
            return
        parameters = configuration.section(LocalParameters, overrides)
        told.limits = replace(
            told.limits,
            mailbox_size=parameters.mailbox_size_limit,
            command_time=parameters.command_time_limit,
        )

    async def _forward(self, told: Recipient, place: Place, sender: str, depth: int) -> None:
        """Follow the new message that takes the mail to other addresses."""
        if depth >= _DEEPEST_FORWARD:
            told.problem = Problem("5.4.6", f"mail forwarding loop for {told.address}")
            return
        for address in place.addresses:
            line = await self._desk.line(address)
            post = Post(address, sender, "local", Client())
            result = await self._desk.clean(post, SystemClock().now())
            for recipient in result.recipients:
                steps = _steps_of(recipient.address, [line])
                told.forwarded.append(
                    await self._recipient(recipient.address, result.sender, steps, depth + 1)
                )

    def _places(self) -> Places:
        return Places(self.configuration, self._routing, self.recorder, self.log, self.reader)

    async def _admission(self, server: Service, sender: str) -> Admission:
        question = self.question
        caller = Caller(
            question.client or _THIS_MACHINE,
            question.sasl,
            question.helo,
            sender,
            question.address,
        )
        try:
            door = Door(self.configuration, server, self._routing, self.recorder, self._resolver)
        except ConfigError as failure:
            told = Admission(server.key, caller.address, caller.helo, sender, caller.recipient)
            told.problem = f"{server.key} does not start: {failure}"
            told.accepted = False
            return told
        return await door.ask(caller)

    def _name_service(self) -> Resolver:
        if not self.question.dns:
            return SilentResolver()
        text = self.configuration.section(ClientParameters).dns_nameservers
        return Resolver(parse_nameservers(text))

    def _pickup_overrides(self) -> Mapping[str, str]:
        for service in self.configuration.services:
            if service.command == "pickup":
                return service.overrides
        return {}

    def _absent(self, name: str) -> str:
        try:
            command = self.configuration.service(name).command
        except ConfigError:
            return f"master.cf has no service {name}"
        return NOT_YET.get(command) or f"{command} of service {name} delivers nothing"


def _steps_of(address: str, lines: list[Line]) -> list[Step]:
    """Return the steps from what was given to a recipient of the envelope."""
    for line in lines:
        below = steps_to(address, line.aliases)
        if below is not None:
            why = [line.why] if line.why is not None else []
            return [*why, *line.steps, *below]
    return []
