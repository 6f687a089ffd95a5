"""What gets the mail of a recipient on this machine: a mailbox, a command, other addresses.

The agents' own functions are asked. Files of users are read as the agent reads them if we are
root, else as ourselves; one that we may not read is told of.

Postfix: local(8), virtual(8)
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field

from spoolmta.address.routing import Routing
from spoolmta.agents.local.expansion import Expander
from spoolmta.agents.local.lists import Lists
from spoolmta.agents.local.mailbox import MailboxCommand, Mailboxes
from spoolmta.agents.local.recipient import (
    Ended,
    Leaf,
    LocalRecipient,
    ToAddress,
    ToCommand,
    ToFile,
    ToTransport,
    ToUser,
)
from spoolmta.agents.local.user import User
from spoolmta.agents.mailbox.work import decode_path, decode_text, perform
from spoolmta.agents.recipient_user import Deliverer, Identity
from spoolmta.agents.result import Result
from spoolmta.agents.virtual_mailboxes import VirtualMailboxes
from spoolmta.cli.explanation.facts import Problem, Step
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.config.parameters.virtual import VirtualParameters
from spoolmta.maillog import MailLog
from spoolmta.maps.recorded import Recorder, hits
from spoolmta.service.privileges import account

_NOT_ALLOWED = (errno.EACCES, errno.EPERM)


@dataclass(slots=True)
class Place:
    """Where mail ends on this machine; *addresses* are those that it goes on to."""

    paths: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    problem: Problem | None = None


class OwnEyes:
    """Reads users' files as the agent does if *deliverer* can become the user, else as ourselves.

    *read* are the files that told something, *closed* those that we may not read.
    """

    def __init__(self, deliverer: Deliverer | None) -> None:
        self.read: dict[str, bytes] = {}
        self.closed: list[str] = []
        self._deliverer = deliverer

    async def run(self, identity: Identity, work: bytes, descriptors: Sequence[int] = ()) -> bytes:
        """Return the answer to a ReadList.

        Raises TemporaryError: the agent would defer.
        """
        if self._deliverer is not None and not self._deliverer.refusal(identity):
            answer = await self._deliverer.run(identity, work, descriptors)
        else:
            answer = perform(work, descriptors)
        path, text = decode_path(work), decode_text(answer)
        if text.error in _NOT_ALLOWED and self._deliverer is None:
            self.closed.append(path)
        elif not text.error and not text.refusal:
            self.read[path] = text.content
        return answer


class Places:
    """Finds where mail ends; one for an explanation."""

    def __init__(
        self,
        configuration: Configuration,
        routing: Routing,
        recorder: Recorder,
        log: MailLog,
        deliverer: Deliverer | None,
    ) -> None:
        self._configuration = configuration
        self._routing = routing
        self._recorder = recorder
        self._log = log
        self._deliverer = deliverer

    async def virtual(self, address: str, service: Service) -> Place:
        """Return the virtual mailbox of an address.

        Raises MapUnavailable: the mail would wait.
        Raises ConfigError: the service would not start.
        """
        parameters = self._configuration.section(VirtualParameters, service.overrides)
        mailboxes = VirtualMailboxes(parameters, self._deliverer, self._log)
        self._recorder.watch_all(mailboxes, {})
        if self._deliverer is None:
            found = await mailboxes.path_of(address)
        else:
            whose = await mailboxes.find(address)
            found = whose if isinstance(whose, Result) else whose.path
        steps = [
            Step("mailbox", found if isinstance(found, str) else "", hit.parameter, hit.table,
                 hit.key, hit.value or "")
            for hit in hits(self._recorder.take())
            if hit.parameter == "virtual_mailbox_maps"
        ]  # fmt: skip
        if isinstance(found, Result):
            return Place(steps=steps, problem=Problem(found.dsn, found.reason))
        return Place([found], steps=steps)

    async def local(self, address: str, service: Service) -> Place:
        """Return what a local recipient comes down to.

        Raises TemporaryError: the mail would wait.
        Raises ConfigError: the service would not start.
        """
        parameters = self._configuration.section(LocalParameters, service.overrides)
        eyes = OwnEyes(self._deliverer)
        entry = account(parameters.default_privs, "default_privs")
        lists = Lists(eyes, self._log, Identity(entry.pw_uid, entry.pw_gid))
        expander = Expander(parameters, self._routing, lists, self._log, transport=service.name)
        for tables in (expander.aliases, expander.transports):
            self._recorder.watch_all(tables, {})
        self._recorder.take()
        first = LocalRecipient.first(address, self._routing.delimiter)
        expansion = await expander.expand(first, lambda _: False)
        place = Place(steps=self._local_steps(eyes))
        place.remarks = [f"{path} cannot be read by you: it may send the mail elsewhere"
                         for path in eyes.closed]  # fmt: skip
        owners = dict.fromkeys(
            leaf.recipient.sender for leaf in expansion.leaves if leaf.recipient.is_list
        )
        place.remarks += [f"what is sent on has the sender <{owner}>" for owner in owners]
        mailboxes = Mailboxes(parameters)
        self._recorder.watch_all(mailboxes, {"_commands": "mailbox_command_maps"})
        for leaf in expansion.leaves:
            await self._take(leaf, mailboxes, place)
        return place

    async def _take(self, leaf: Leaf, mailboxes: Mailboxes, place: Place) -> None:
        rights = leaf.recipient.rights
        match leaf:
            case ToAddress(to):
                place.addresses.append(to.address)
            case ToCommand(_, line):
                self._put(place, f"|{line}", rights)
            case ToFile(_, path):
                self._put(place, path, rights)
            case ToTransport(_, transport):
                place.remarks.append(f"the transport {transport} delivers")
            case ToUser(_, user):
                door = await mailboxes.of(user)
                path = f"|{door.line}" if isinstance(door, MailboxCommand) else door.path
                self._put(place, path, user)
                place.steps += self._steps("mailbox command")
            case Ended(_, result):
                _meet(place, result)

    def _put(self, place: Place, path: str, rights: User | None) -> None:
        """Add a mailbox, file or command, and what stands in the way of writing it."""
        place.paths.append(path)
        if rights is None or rights.uid == 0 or self._deliverer is None:
            return
        if refusal := self._deliverer.refusal(rights.identity):
            _meet(place, Result("4.3.5", refusal))

    def _local_steps(self, eyes: OwnEyes) -> list[Step]:
        """Return the aliases and files that the mail went through."""
        steps = self._steps("alias", only="alias_maps")
        for path, content in eyes.read.items():
            text = ", ".join(content.decode("utf-8", "replace").split("\n")).strip(", ")
            steps.append(Step("file", text, key=path))
        return steps

    def _steps(self, what: str, *, only: str = "") -> list[Step]:
        return [
            Step(what, hit.value or "", hit.parameter, hit.table, hit.key, hit.value or "")
            for hit in hits(self._recorder.take())
            if not only or hit.parameter == only
        ]


def _meet(place: Place, result: Result) -> None:
    """Keep the result that speaks for all: one that lets the mail wait, then one that ends it."""
    if not result.is_sent and (place.problem is None or result.is_deferred):
        place.problem = Problem(result.dsn, result.reason)
