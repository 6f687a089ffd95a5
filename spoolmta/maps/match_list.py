"""Lists of names and addresses as in mydestination, mynetworks and relay_domains.

An element is a name, an address or network, /file, type:table, or one of them after "!". The first
element that matches decides; after "!" it decides for "no match". A client is asked for by name and
address together: of each element in turn, whether it has the one or the other.

Postfix:    postconf(5) mydestination, mynetworks, relay_domains, parent_domain_matches_subdomains
Must not:   take a lookup error for "no match"
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, cast

from spoolmta.errors import ConfigError
from spoolmta.maps.keys import fold
from spoolmta.maps.lookup import Map, States, SteadyMap, parent_domains
from spoolmta.maps.patterns.address_range import (
    Address,
    Range,
    RangeTable,
    parse_address,
    parse_range,
)
from spoolmta.maps.syntax import split_words
from spoolmta.maps.watched import WatchedFiles

OpenMap = Callable[[str], Map]
ParseWord = Callable[[str], "str | Range | Map"]
_DEPTH_LIMIT = 10
# What an address pattern without a length consists of; other words with dots are names.
_ADDRESS_CHARACTERS = frozenset("0123456789./")


class _Subject(NamedTuple):
    """What is matched: a name in the form of keys, an address as text and as a number, or both."""

    name: str = ""
    text: str = ""
    address: Address | None = None


class _Names(NamedTuple):
    """Names side by side that give the same answer: one set look-up."""

    names: frozenset[str]
    answer: bool


class _Table(NamedTuple):
    table: Map
    answer: bool


class _Elements:
    """Elements in their order. An answer is None if no element matches."""

    __slots__ = ("_elements", "is_static", "states")

    def __init__(self, elements: "Iterable[tuple[_Pattern, bool]]") -> None:
        self._elements = tuple(_joined(elements))
        self.is_static = all(isinstance(element, _Names | RangeTable) for element in self._elements)
        self.states: States | None = ()
        for element in self._elements:
            states = _states(element)
            self.states = None if states is None or self.states is None else self.states + states

    def __bool__(self) -> bool:
        return bool(self._elements)

    @property
    def names(self) -> frozenset[str] | None:
        """The names that are all there is, if that is so."""
        if not self._elements:
            return frozenset()
        first, *others = self._elements
        if others or not isinstance(first, _Names) or not first.answer:
            return None
        return first.names

    async def answer(self, subject: _Subject, rules: "_Rules") -> bool | None:
        for element in self._elements:
            answer: bool | None = None
            if isinstance(element, _Names):
                if subject.name and rules.matches_names(subject.name, element.names):
                    answer = element.answer
            elif isinstance(element, RangeTable):
                if subject.address is not None:
                    answer = element.find(subject.address)
            elif isinstance(element, _Table):
                if await rules.matches_table(subject, element.table):
                    answer = element.answer
            else:
                answer = await element.current().answer(subject, rules)
            if answer is not None:
                return answer
        return None


_Element = _Names | RangeTable[bool] | _Table | WatchedFiles[_Elements]
_Pattern = str | Range | Map | WatchedFiles[_Elements]


def _joined(elements: "Iterable[tuple[_Pattern, bool]]") -> "Iterator[_Element]":
    """Yield the elements; names side by side are one set, ranges side by side one table."""
    for _, group in groupby(elements, _joins):
        first, *_ = together = list(group)
        pattern, answer = first
        if isinstance(pattern, str):
            yield _Names(frozenset(cast("str", name) for name, _ in together), answer)
        elif isinstance(pattern, Range):
            yield RangeTable([(cast("Range", span), value) for span, value in together])
        elif isinstance(pattern, WatchedFiles):
            yield pattern
        else:
            yield _Table(pattern, answer)


def _states(element: "_Element") -> States | None:
    """Return what tells whether an element may have changed; None: it may at any time."""
    if isinstance(element, _Names | RangeTable):
        return ()
    if isinstance(element, _Table):
        return (element.table.state,) if isinstance(element.table, SteadyMap) else None

    def state() -> object:
        current = element.current()
        return current if current.is_static else None

    return (state,)


def _joins(element: "tuple[_Pattern, bool]") -> object:
    """Return what is the same for elements side by side that are asked as one."""
    pattern, answer = element
    if isinstance(pattern, str):
        return str, answer
    return Range if isinstance(pattern, Range) else id(pattern)


@dataclass(frozen=True, slots=True)
class _Rules:
    """How names match: see MatchList."""

    parents: bool
    exact: bool

    def matches_names(self, name: str, names: frozenset[str]) -> bool:
        if name in names:
            return True
        if self.exact:
            return False
        return any(parent in names for parent in parent_domains(name, dotted=not self.parents))

    async def matches_table(self, subject: _Subject, table: Map) -> bool:
        if subject.name and await self._holds_name(table, subject.name):
            return True
        return bool(subject.text) and await table.lookup(subject.text) is not None

    async def _holds_name(self, table: Map, name: str) -> bool:
        if await table.lookup(name) is not None:
            return True
        if self.exact or table.fixed:
            return False
        for parent in parent_domains(name, dotted=not self.parents):
            if await table.lookup(parent) is not None:
                return True
        return False


class MatchList:
    """A list that names and addresses are matched against; False if it is empty.

    *parents*: "example.com" matches its subdomains too (parent_domain_matches_subdomains);
    otherwise ".example.com" does. *exact*: neither form matches a subdomain, as in mydestination.
    It *is_static* if what it says cannot change: it has no tables and no files.
    """

    def __init__(
        self, elements: "Iterable[tuple[_Pattern, bool]]", *, parents: bool, exact: bool
    ) -> None:
        self._elements = _Elements(elements)
        self._rules = _Rules(parents, exact)
        self.is_static = self._elements.is_static
        self.states = self._elements.states
        """What tells whether what it says may have changed; see Maps."""
        self._names = self._elements.names if exact else None

    def __bool__(self) -> bool:
        return bool(self._elements)

    async def matches(self, name: str) -> bool:
        """Return whether a domain or host name is in the list.

        Raises MapUnavailable: the caller defers or answers 4xx.
        """
        if self._names is not None:
            return fold(name) in self._names
        return bool(await self._elements.answer(_Subject(fold(name)), self._rules))

    async def address_matches(self, address: str) -> bool:
        """Return whether an IP address (without brackets) is in the list.

        Raises MapUnavailable: the caller defers or answers 4xx.
        """
        return await self.client_matches("", address)

    async def client_matches(self, name: str, address: str) -> bool:
        """Return whether a client is in the list: what comes first, its name or address, decides.

        Raises MapUnavailable: the caller defers or answers 4xx.
        """
        subject = _Subject(fold(name), address, parse_address(address))
        return bool(await self._elements.answer(subject, self._rules))


def parse_match_list(
    text: str,
    open_map: OpenMap,
    *,
    parents: bool = False,
    exact: bool = False,
    names_only: bool = False,
) -> MatchList:
    """Return the list that *text* describes; *open_map* opens its tables.

    A file in the list is read again when it changes. In a list of *names_only* an address is a
    word as every other.

    Raises ConfigError: an element cannot be understood, or a file cannot be read.
    """
    parse_word = partial(_parse_name if names_only else _parse_pattern, open_map=open_map)
    return MatchList(_parse(text, parse_word, True, 0), parents=parents, exact=exact)


def _parse(
    text: str, parse_word: ParseWord, answer: bool, depth: int
) -> "list[tuple[_Pattern, bool]]":
    if depth > _DEPTH_LIMIT:
        raise ConfigError(f"match list: files nested more than {_DEPTH_LIMIT} deep")
    elements: list[tuple[_Pattern, bool]] = []
    for word in split_words(text):
        item = word.lstrip("!")
        item_answer = answer is not bool((len(word) - len(item)) % 2)
        if not item:
            raise ConfigError(f'match list: no pattern after "!" in "{text.strip()}"')
        if item.startswith("/"):
            elements.append((_open_file(item, parse_word, item_answer, depth), item_answer))
        else:
            elements.append((parse_word(item), item_answer))
    return elements


def _open_file(
    path: str, parse_word: ParseWord, answer: bool, depth: int
) -> "WatchedFiles[_Elements]":
    def read() -> _Elements:
        return _Elements(_parse(_read_file(path), parse_word, answer, depth + 1))

    return WatchedFiles(path, [path], read)


def _read_file(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigError(f"open file {path}: {error.strerror}") from error
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))


def _parse_pattern(word: str, open_map: OpenMap) -> str | Range | Map:
    if word.startswith("[") or parse_address(word.partition("/")[0]) is not None:
        return parse_range(word)
    if ":" not in word and "/" in word and _ADDRESS_CHARACTERS.issuperset(word):
        return parse_range(word)
    return _parse_name(word, open_map)


def _parse_name(word: str, open_map: OpenMap) -> str | Map:
    return open_map(word) if ":" in word and word[0] != "[" else fold(word)
