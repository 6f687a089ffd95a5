"""From a local name to its destinations: aliases, :include: lists, .forward files.

A name that has an alias is that alias, else it is a user, whose .forward may send the mail on, else
it is unknown. A name that stands in its own expansion means the user of that name. Addresses of
other machines, of lists with an owner, and of files become recipients of a new message, so that
each has an outcome of its own; the other users of this machine get the mail at once.

Postfix:    local/recipient.c, alias.c, include.c, dotforward.c, indirect.c, unknown.c; aliases(5)
Parameters: frozen_delivered_to, reset_owner_alias, propagate_unmatched_extensions, luser_relay,
            allow_mail_to_commands, allow_mail_to_files, duplicate_filter_limit,
            require_home_directory
Must not:   deliver anything; open a user's file
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from spoolmta.address.parts import split_address
from spoolmta.address.resolve import Routing, resolve
from spoolmta.address.rewrite import rewrite
from spoolmta.agents.local.aliases import Alias, Aliases
from spoolmta.agents.local.destination import Destination, Kind, parse_value
from spoolmta.agents.local.forward_files import ForwardFiles, names
from spoolmta.agents.local.lists import Lists
from spoolmta.agents.local.recipient import (
    MOST_STEPS,
    Ended,
    Expansion,
    Leaf,
    LocalRecipient,
    Source,
    ToAddress,
    ToCommand,
    ToFile,
    ToTransport,
    ToUser,
)
from spoolmta.agents.local.transports import Transports
from spoolmta.agents.local.user import User, find_user, home_trouble
from spoolmta.agents.mailbox.trouble import MailboxError
from spoolmta.agents.result import Result
from spoolmta.config.expansion import expand
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.maillog import MailLog
from spoolmta.maps.syntax import split_words

# Mail for them is never refused; without an alias nobody reads it.
_REQUIRED = frozenset({"postmaster", "mailer-daemon"})
_MISCONFIGURED = Result("5.3.5", "mail system configuration error")


@dataclass(slots=True)
class _Run:
    """One expansion: what it gave so far, and what it came across.

    *was_delivered_to* tells the addresses that the message was delivered to before; *finished* are
    the .forward files that are expanded to their end.
    """

    was_delivered_to: Callable[[str], bool]
    filter_limit: int
    leaves: list[Leaf] = field(default_factory=list)
    is_expanded: bool = False
    has_owner: bool = False
    finished: set[str] = field(default_factory=set)
    _seen: set[tuple[str, ...]] = field(default_factory=set)

    def been_here(self, *what: str) -> bool:
        """Tell whether this was met before; it is remembered, as long as there is room."""
        if what in self._seen:
            return True
        if not self.filter_limit or len(self._seen) < self.filter_limit:
            self._seen.add(what)
        return False

    def end(self, recipient: LocalRecipient, dsn: str, reason: str) -> None:
        """Add a result that needs no delivery."""
        self.leaves.append(Ended(recipient, Result(dsn, reason)))


class Expander:
    """Expands local names; one per process."""

    def __init__(
        self,
        parameters: LocalParameters,
        routing: Routing,
        lists: Lists,
        log: MailLog,
        *,
        transport: str,
    ) -> None:
        """Check the parameters and open the tables; *transport* is this service's name.

        Raises ConfigError: a parameter cannot be understood, or a table used.
        """
        self._parameters = parameters
        self._routing = routing
        self._lists = lists
        self._log = log
        self._transport = transport
        self.aliases = Aliases(parameters, routing.rules, log)
        self._forward_files = ForwardFiles(parameters, lists)
        self.transports = Transports(parameters)
        self._luser_relay = parameters.luser_relay.strip()
        self._may_name_commands = frozenset(split_words(parameters.allow_mail_to_commands))
        self._may_name_files = frozenset(split_words(parameters.allow_mail_to_files))
        self._propagating = frozenset(split_words(parameters.propagate_unmatched_extensions))
        expand(self._luser_relay, lambda _: "")

    async def expand(
        self, recipient: LocalRecipient, was_delivered_to: Callable[[str], bool]
    ) -> Expansion:
        """Return the destinations of a local recipient.

        Raises TemporaryError: defer.
        """
        run = _Run(was_delivered_to, self._parameters.duplicate_filter_limit)
        await self._take_recipient(recipient, run)
        return Expansion(tuple(run.leaves), run.is_expanded, run.has_owner)

    async def owner_of_list(self, name: str) -> str | None:
        """Return who gets reports on mail for the list *name*, None if it has no owner.

        Raises MailboxError: the alias tables give no answer; defer.
        """
        return await self.aliases.owner(name)

    async def _take_recipient(self, recipient: LocalRecipient, run: _Run) -> None:
        if run.been_here("recipient", str(recipient.steps), recipient.address.lower()):
            return
        if run.was_delivered_to(recipient.address):
            run.end(recipient, "5.4.6", f"mail forwarding loop for {recipient.address}")
            return
        try:
            await self._take_name(recipient, run)
        except MailboxError as error:
            run.leaves.append(Ended(recipient, error.result))

    async def _take_name(self, recipient: LocalRecipient, run: _Run) -> None:
        if await self._take_alias(recipient.local, replace(recipient, unmatched=""), run):
            return
        if recipient.extension:
            kept = recipient.extension if "alias" in self._propagating else ""
            if await self._take_alias(recipient.user, replace(recipient, unmatched=kept), run):
                return
        is_others = recipient.owner and recipient.owner.lower() != recipient.user
        if is_others or recipient.source is Source.INCLUDE:
            self._send_on(recipient, run)
        elif not await self._take_forward_file(recipient, run):
            await self._take_mailbox(recipient, run)

    async def _take_alias(self, name: str, recipient: LocalRecipient, run: _Run) -> bool:
        if recipient.expanded_from == name:
            return False
        if recipient.steps >= MOST_STEPS:
            self._log.warning(f"alias database loop for {name}")
            run.end(recipient, "5.4.6", f"alias database loop for {name}")
            return True
        alias = await self.aliases.find(name)
        if alias is None:
            return False
        await self._expand_alias(alias, recipient, run)
        return True

    async def _expand_alias(self, alias: Alias, recipient: LocalRecipient, run: _Run) -> None:
        inside = replace(recipient.through(Source.ALIAS, alias.name), rights=alias.rights)
        owner = await self.aliases.owner(alias.name)
        if owner is not None:
            inside = inside.with_owner(owner)
        elif self._parameters.reset_owner_alias:
            inside = replace(inside, owner="")
        if not run.is_expanded:
            run.is_expanded, run.has_owner = True, owner is not None
        destinations = parse_value(alias.value)
        if not destinations:
            self._log.warning(f"no recipient in alias lookup result for {alias.name}")
            raise MailboxError("4.3.0", "alias database unavailable")
        await self._take_all(destinations, self._thawed(inside), run)

    async def _take_forward_file(self, recipient: LocalRecipient, run: _Run) -> bool:
        """Expand the .forward file of a user; tell whether there is one that counts."""
        user = await self._user(recipient)
        if user is None:
            return False
        file = await self._forward_files.of(user, recipient)
        if file is None or not file.destinations:
            return False
        if run.been_here("forward", file.path):
            # Inside of its own expansion it means the mailbox.
            return file.path in run.finished
        run.is_expanded = True
        keeps = "forward" in self._propagating and not file.has_extension
        inside = replace(
            recipient.through(Source.FORWARD, recipient.local),
            rights=user,
            owner=recipient.user,
            unmatched=recipient.extension if keeps else "",
        )
        await self._take_all(file.destinations, self._thawed(inside), run)
        run.finished.add(file.path)
        return True

    async def _take_mailbox(self, recipient: LocalRecipient, run: _Run) -> None:
        if run.been_here("mailbox", recipient.local):
            return
        service = await self.transports.of_mailbox(recipient.user)
        if service:
            run.leaves.append(ToTransport(recipient, service))
            return
        user = await self._user(recipient)
        if user is None:
            await self._take_unknown(recipient, run)
        else:
            run.leaves.append(ToUser(self._thawed(replace(recipient, rights=user)), user))

    async def _user(self, recipient: LocalRecipient) -> User | None:
        user = await find_user(recipient.user)
        if user is not None and self._parameters.require_home_directory:
            trouble = await home_trouble(user)
            if trouble:
                raise MailboxError("4.3.0", trouble)
        return user

    async def _take_unknown(self, recipient: LocalRecipient, run: _Run) -> None:
        service = await self.transports.of_unknown(recipient.user)
        if service:
            run.leaves.append(ToTransport(recipient, service))
        elif self._luser_relay:
            await self._take_luser_relay(recipient, run)
        elif recipient.user in _REQUIRED:
            self._log.warning(f"required alias not found: {recipient.user}")
            run.end(recipient, "2.0.0", "discarded")
        else:
            run.end(recipient, "5.1.1", f'unknown user: "{recipient.user}"')

    async def _take_luser_relay(self, recipient: LocalRecipient, run: _Run) -> None:
        values = names(recipient, None, self._parameters.recipient_delimiter[:1])
        relay = expand(self._luser_relay, values.get)
        if rewrite(relay, self._routing.rules) == recipient.address:
            run.end(recipient, "5.1.1", f'unknown user: "{recipient.user}"')
        else:
            await self._take_address(relay, replace(recipient, unmatched=""), run)

    async def _take_all(
        self, destinations: Iterable[Destination], inside: LocalRecipient, run: _Run
    ) -> None:
        for destination in destinations:
            try:
                await self._take(destination, inside, run)
            except MailboxError as error:
                run.leaves.append(Ended(inside, error.result))

    async def _take(self, destination: Destination, inside: LocalRecipient, run: _Run) -> None:
        text = destination.text
        who = str(inside.rights.uid) if inside.rights else ""
        match destination.kind:
            case Kind.ADDRESS:
                await self._take_address(text, inside, run)
            case Kind.INCLUDE:
                if not run.been_here("include", who, text):
                    await self._take_include(text, inside, run)
            case Kind.COMMAND:
                if run.been_here("command", inside.local, who, text):
                    return
                if inside.source in self._may_name_commands:
                    run.leaves.append(ToCommand(inside, text))
                else:
                    run.end(inside, "5.7.1", "mail to command is restricted")
            case Kind.FILE:
                path = self._path(text, inside)
                if run.been_here("file", who, path):
                    return
                if inside.source in self._may_name_files:
                    run.leaves.append(ToFile(inside, path))
                else:
                    run.end(inside, "5.7.1", "mail to file is restricted")

    async def _take_address(self, text: str, inside: LocalRecipient, run: _Run) -> None:
        address = rewrite(text, self._routing.rules)
        resolution = await resolve(address, sender="", routing=self._routing)
        if resolution.malformed:
            run.end(inside, "5.1.3", f"bad recipient address syntax: {text}")
            return
        address = _with_extension(resolution.recipient, inside.unmatched)
        recipient = inside.at(address, self._routing.delimiter)
        if resolution.transport == self._transport:
            await self._take_recipient(recipient, run)
        else:
            self._send_on(recipient, run)

    def _send_on(self, recipient: LocalRecipient, run: _Run) -> None:
        if not run.been_here("address", recipient.address.lower()):
            run.leaves.append(ToAddress(recipient))

    async def _take_include(self, path: str, inside: LocalRecipient, run: _Run) -> None:
        destinations, rights = await self._lists.include(path, inside.rights)
        included = replace(
            inside,
            source=Source.INCLUDE,
            rights=rights,
            owner=inside.owner or inside.address,
            expanded_from=inside.local,
            steps=inside.steps + 2,
            unmatched=inside.unmatched if "include" in self._propagating else "",
        )
        await self._take_all(destinations, included, run)

    def _path(self, text: str, inside: LocalRecipient) -> str:
        if not text.startswith("~"):
            return text
        if not text.startswith("~/"):
            self._log.warning(f"bad home directory syntax for: {text}")
        elif inside.rights is None:
            self._log.warning(f"unknown home directory for: {text}")
        else:
            return f"{inside.rights.home}/{text[2:]}"
        raise MailboxError(*_MISCONFIGURED[:2])

    def _thawed(self, recipient: LocalRecipient) -> LocalRecipient:
        if self._parameters.frozen_delivered_to:
            return recipient
        return replace(recipient, delivered=recipient.address)


def _with_extension(address: str, extension: str) -> str:
    if not extension:
        return address
    local, domain = split_address(address)
    return f"{local}{extension}@{domain}" if domain else local + extension
