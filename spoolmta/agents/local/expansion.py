"""From a local name to its destinations: aliases, :include: lists, .forward files.

A name that has an alias is that alias, else it is a user, whose .forward may send the mail on.
Where a list comes down to one local name, that name is expanded in turn. Of several addresses
each becomes a recipient of a new message, so that each has an outcome of its own and none gets the
mail twice because another one was deferred; commands and files are delivered to at once. A name
that stands in its own expansion means the user of that name.

Postfix:    local/alias.c, dotforward.c, include.c, recipient.c, unknown.c; aliases(5)
Parameters: alias_maps, recipient_delimiter, forward_path, forward_expansion_filter,
            allow_mail_to_commands, allow_mail_to_files, expand_owner_alias, owner_request_special,
            luser_relay
Must not:   deliver anything; open a user's file
Limits:     an alias for several local users forwards to each where Postfix delivers at once;
            mailbox_transport, fallback_transport and their maps are not heeded
"""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from spoolmta.address.parts import split_address, split_extension
from spoolmta.address.quoting import quote
from spoolmta.address.resolve import AddressClass, Routing, resolve
from spoolmta.address.rewrite import rewrite
from spoolmta.agents.command import censor
from spoolmta.agents.local.destination import Destination, Kind, parse_value
from spoolmta.agents.local.lists import Lists, owner_of_table
from spoolmta.agents.local.user import User, find_user
from spoolmta.agents.mailbox.trouble import MailboxError
from spoolmta.agents.recipient_user import Identity
from spoolmta.agents.result import Result
from spoolmta.config.expansion import expand
from spoolmta.config.parameters.local import LocalParameters
from spoolmta.maillog import MailLog
from spoolmta.maps import Maps
from spoolmta.maps.syntax import split_words

_DEEPEST = 100
# Mail for them is never refused; without an alias nobody reads it.
_REQUIRED = frozenset({"postmaster", "mailer-daemon"})
# A $name outside of a condition: a path that has one without a value is not looked for.
_PLAIN_NAME = re.compile(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))")


class Source(StrEnum):
    """Where a destination was found; the words of allow_mail_to_commands and _files."""

    ALIAS = "alias"
    INCLUDE = "include"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Rights:
    """On whose behalf a command is run or a file written; *user* only if a user asked for it."""

    identity: Identity
    user: User | None = None


@dataclass(frozen=True, slots=True)
class ToUser:
    """The mailbox of a user."""

    user: User


@dataclass(frozen=True, slots=True)
class ToCommand:
    """A command, run with *rights*."""

    line: str
    rights: Rights


@dataclass(frozen=True, slots=True)
class ToFile:
    """A file, or a maildir if *path* ends in a slash."""

    path: str
    rights: Rights


@dataclass(frozen=True, slots=True)
class ToAddress:
    """A recipient of a new message. *local* is its local part if it is of this machine."""

    address: str
    local: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing to deliver: the result stands."""

    result: Result


Leaf = ToUser | ToCommand | ToFile | ToAddress | Ended


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a recipient comes down to.

    *owner* is the new sender if the mail went through a list with an owner, else None.
    *is_expanded* tells that it went through a list at all.
    """

    leaves: tuple[Leaf, ...]
    owner: str | None = None
    is_expanded: bool = False


@dataclass(frozen=True, slots=True)
class _Path:
    """How we came here: names of aliases, users whose .forward was read, and the extension."""

    aliases: frozenset[str] = frozenset()
    forwards: frozenset[str] = frozenset()
    includes: frozenset[str] = frozenset()
    relayed: bool = False
    extension: str = ""
    delimiter: str = ""
    recipient: str = ""

    @property
    def depth(self) -> int:
        return len(self.aliases) + len(self.forwards) + len(self.includes)


@dataclass(frozen=True, slots=True)
class _Found:
    """An alias, the table that has it, and the part of the name that was looked up."""

    name: str
    value: str
    table: str


@dataclass(slots=True)
class _List:
    """A list being taken apart: what it is called, whose rights it has, what it has given."""

    name: str
    source: Source
    rights: Rights
    leaves: list[Leaf] = field(default_factory=list)


class Expander:
    """Expands local names; one per process."""

    def __init__(
        self,
        parameters: LocalParameters,
        routing: Routing,
        aliases: Maps,
        lists: Lists,
        log: MailLog,
    ) -> None:
        """Check the parameters.

        Raises ConfigError: a parameter cannot be understood.
        """
        self._parameters = parameters
        self._forward_paths = split_words(parameters.forward_path)
        self._luser_relay = parameters.luser_relay.strip()
        self._routing = routing
        self._aliases = aliases
        self._lists = lists
        self._log = log
        self._commands_from = frozenset(split_words(parameters.allow_mail_to_commands))
        self._files_from = frozenset(split_words(parameters.allow_mail_to_files))
        for template in (*self._forward_paths, self._luser_relay):
            expand(template, lambda _: "")

    async def expand(self, address: str) -> Expansion:
        """Return the destinations of a local recipient.

        Raises MapUnavailable, TemporaryError: defer.
        """
        local = split_address(address)[0].lower()
        try:
            return await self._name(local, _Path(recipient=address))
        except MailboxError as error:
            return Expansion((Ended(error.result),))

    async def _name(self, local: str, path: _Path) -> Expansion:
        if path.depth > _DEEPEST:
            return _ended("5.4.6", f"possible alias database loop for {local}")
        user, extension = split_extension(local, self._routing.delimiter)
        if not extension or "/" in extension:
            path = replace(path, extension="", delimiter="")
        else:
            path = replace(path, extension=extension, delimiter=local[len(user)])
        for name in dict.fromkeys((local, user)):
            found = await self._alias(name)
            if found is not None:
                return await self._expand_alias(found, user, path)
        return await self._user(user, path)

    async def _alias(self, name: str) -> _Found | None:
        key = quote(name)
        for table in self._aliases.maps:
            value = await table.lookup(key)
            if value is not None and value.strip():
                return _Found(name, value, table.name)
        return None

    async def _expand_alias(self, found: _Found, user: str, path: _Path) -> Expansion:
        if found.name in path.aliases:
            self._log.warning(f"alias database loop for {found.name}")
            return _ended("5.4.6", f"alias database loop for {found.name}")
        path = replace(path, aliases=path.aliases | {found.name})
        rights = Rights(self._lists.rights(owner_of_table(found.table)))
        list_ = _List(found.name, Source.ALIAS, rights)
        await self._take_all(parse_value(found.value), list_, path)
        owner = await self._owner(found.name)
        if owner is not None:
            return Expansion(_unique(list_.leaves), owner=owner, is_expanded=True)
        return await self._follow(list_, path, itself=(found.name, user))

    async def _user(self, name: str, path: _Path) -> Expansion:
        user = await find_user(name)
        if user is None:
            return await self._unknown(name, path)
        if user.name in path.forwards:
            return Expansion((ToUser(user),), is_expanded=path.depth > 0)
        destinations = await self._forward(user, path)
        if destinations is None:
            return Expansion((ToUser(user),), is_expanded=path.depth > 0)
        path = replace(path, forwards=path.forwards | {user.name})
        list_ = _List(user.name, Source.FORWARD, Rights(user.identity, user))
        await self._take_all(destinations, list_, path)
        return await self._follow(list_, path, itself=(user.name,))

    async def _follow(self, list_: _List, path: _Path, *, itself: tuple[str, ...]) -> Expansion:
        """Expand the one local name that a list comes down to, and the user that is meant by it."""
        leaves: list[Leaf] = []
        for leaf in list_.leaves:
            if isinstance(leaf, ToAddress) and leaf.local in itself:
                leaves += (await self._user(itself[-1], path)).leaves
            else:
                leaves.append(leaf)
        unique = _unique(leaves)
        if len(unique) == 1 and isinstance(unique[0], ToAddress) and unique[0].local:
            return replace(await self._name(unique[0].local, path), is_expanded=True)
        return Expansion(unique, is_expanded=True)

    async def _take_all(self, destinations: list[Destination], list_: _List, path: _Path) -> None:
        for destination in destinations:
            await self._take(destination, list_, path)

    async def _take(self, destination: Destination, list_: _List, path: _Path) -> None:
        text = destination.text
        match destination.kind:
            case Kind.ADDRESS:
                list_.leaves.append(await self._address(text))
            case Kind.USER:
                list_.leaves.append(await self._mailbox_of(text))
            case Kind.COMMAND if list_.source in self._commands_from:
                list_.leaves.append(ToCommand(text, list_.rights))
            case Kind.COMMAND:
                list_.leaves.append(Ended(Result("5.7.1", "mail to command is restricted")))
            case Kind.FILE if list_.source in self._files_from:
                list_.leaves.append(self._file(text, list_.rights))
            case Kind.FILE:
                list_.leaves.append(Ended(Result("5.7.1", "mail to file is restricted")))
            case Kind.INCLUDE:
                await self._include(text, list_, path)

    async def _address(self, text: str) -> Leaf:
        address = rewrite(text, self._routing.rules)
        resolution = await resolve(address, sender="", routing=self._routing)
        if resolution.address_class is not AddressClass.LOCAL or resolution.malformed:
            return ToAddress(address)
        if resolution.transport != self._routing.local_transport.transport:
            return ToAddress(address)
        return ToAddress(address, split_address(resolution.recipient)[0].lower())

    async def _mailbox_of(self, name: str) -> Leaf:
        name = split_extension(split_address(name)[0].lower(), self._routing.delimiter)[0]
        user = await find_user(name)
        return _unknown_user(name) if user is None else ToUser(user)

    def _file(self, text: str, rights: Rights) -> Leaf:
        if not text.startswith("~/"):
            return ToFile(text, rights)
        if rights.user is None:
            return Ended(Result("5.3.5", "mail system configuration error"))
        return ToFile(f"{rights.user.home}/{text[2:]}", rights)

    async def _include(self, text: str, list_: _List, path: _Path) -> None:
        if text in path.includes or path.depth > _DEEPEST:
            self._log.warning(f":include: file {text} includes itself")
            raise MailboxError("5.4.6", f"possible alias database loop for {list_.name}")
        user = list_.rights.user
        destinations, identity = await self._lists.include(text, user)
        path = replace(path, includes=path.includes | {text})
        inner = _List(list_.name, Source.INCLUDE, Rights(identity, user), list_.leaves)
        await self._take_all(destinations, inner, path)

    async def _owner(self, name: str) -> str | None:
        """Return the sender of mail that goes through an alias with an owner."""
        if not self._parameters.owner_request_special:
            return None
        owner = f"owner-{name}"
        found = await self._alias(owner)
        if found is None:
            return None
        if self._parameters.expand_owner_alias:
            addresses = [d.text for d in parse_value(found.value) if d.kind is Kind.ADDRESS]
            owner = addresses[0] if len(addresses) == 1 else owner
        return rewrite(owner, self._routing.rules)

    async def _forward(self, user: User, path: _Path) -> list[Destination] | None:
        values = {
            "home": user.home,
            "user": user.name,
            "shell": user.shell,
            **self._recipient_values(path),
        }
        for template in self._forward_paths:
            names = ("".join(groups) for groups in _PLAIN_NAME.findall(template))
            if not all(values.get(name) for name in names):
                continue
            name = expand(template, values.get)
            destinations = await self._lists.forward(name, user)
            if destinations is not None:
                return destinations
        return None

    def _recipient_values(self, path: _Path) -> dict[str, str]:
        allowed = self._parameters.forward_expansion_filter
        local, domain = split_address(path.recipient)
        values = {
            "recipient": path.recipient,
            "local": local,
            "domain": domain,
            "extension": path.extension,
        }
        censored = {name: censor(value, allowed) for name, value in values.items()}
        return {**censored, "recipient_delimiter": path.delimiter}

    async def _unknown(self, name: str, path: _Path) -> Expansion:
        if name in _REQUIRED:
            self._log.warning(f"required alias not found: {name}")
            return _ended("2.0.0", "discarded")
        if not self._luser_relay or path.relayed:
            return Expansion((_unknown_user(name),), is_expanded=path.depth > 0)
        values = {"user": name, **self._recipient_values(path)}
        leaf = await self._address(expand(self._luser_relay, values.get))
        if isinstance(leaf, ToAddress) and leaf.local:
            expansion = await self._name(leaf.local, replace(path, relayed=True))
            return replace(expansion, is_expanded=True)
        return Expansion((leaf,), is_expanded=True)


def _unknown_user(name: str) -> Ended:
    return Ended(Result("5.1.1", f'unknown user: "{name}"'))


def _ended(dsn: str, reason: str) -> Expansion:
    return Expansion((Ended(Result(dsn, reason)),))


def _unique(leaves: list[Leaf]) -> tuple[Leaf, ...]:
    return tuple(dict.fromkeys(leaves))
