"""Lists of names and addresses as in mydestination, mynetworks and relay_domains.

An element is a name, an address or network, /file, type:table, or one of them after "!". The first
element that matches decides; after "!" it decides for "no match".

Postfix:    postconf(5) mydestination, mynetworks, relay_domains, parent_domain_matches_subdomains
Must not:   take a lookup error for "no match"
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spoolmta.errors import ConfigError
from spoolmta.maps.address_range import Address, Range, RangeTable, parse_address, parse_range
from spoolmta.maps.keys import fold
from spoolmta.maps.lookup import Map, domain_keys
from spoolmta.maps.syntax import split_words
from spoolmta.maps.watched import WatchedFiles

OpenMap = Callable[[str], Map]
_DEPTH_LIMIT = 10
# What an address pattern without a length consists of; other words with dots are names.
_ADDRESS_CHARACTERS = frozenset("0123456789./")


@dataclass(frozen=True, slots=True)
class _Element:
    pattern: "str | Range | Map | WatchedFiles[_Elements]"
    answer: bool


class _Elements:
    """Elements in their order. An answer is None if no element matches."""

    __slots__ = ("_for_addresses", "_for_names", "_names", "is_static")

    def __init__(self, elements: list[_Element]) -> None:
        self._for_names = [e for e in elements if not isinstance(e.pattern, Range)]
        # Names alone without "!", the common list, are one set look-up.
        self._names = (
            frozenset(str(element.pattern) for element in self._for_names)
            if all(isinstance(e.pattern, str) and e.answer for e in self._for_names)
            else None
        )
        self._for_addresses = list(_joined_ranges(elements))
        self.is_static = all(isinstance(element.pattern, str | Range) for element in elements)

    async def name_answer(self, name: str, rules: "_Rules") -> bool | None:
        if self._names is not None:
            return True if rules.matches_names(name, self._names) else None
        for element in self._for_names:
            pattern = element.pattern
            if isinstance(pattern, str):
                if rules.matches_pattern(name, pattern):
                    return element.answer
            elif isinstance(pattern, WatchedFiles):
                answer = await pattern.current().name_answer(name, rules)
                if answer is not None:
                    return answer
            elif not isinstance(pattern, Range) and await rules.matches_map(name, pattern):
                return element.answer
        return None

    async def address_answer(self, text: str, address: Address | None) -> bool | None:
        for pattern, answer_of_map in self._for_addresses:
            answer: bool | None
            if isinstance(pattern, RangeTable):
                answer = None if address is None else pattern.find(address)
            elif isinstance(pattern, WatchedFiles):
                answer = await pattern.current().address_answer(text, address)
            else:
                answer = None if await pattern.lookup(text) is None else answer_of_map
            if answer is not None:
                return answer
        return None


def _joined_ranges(
    elements: list[_Element],
) -> "Iterator[tuple[RangeTable[bool] | Map | WatchedFiles[_Elements], bool]]":
    """Yield what addresses are matched with; ranges side by side are one table."""
    ranges: list[tuple[Range, bool]] = []
    for element in elements:
        pattern = element.pattern
        if isinstance(pattern, Range):
            ranges.append((pattern, element.answer))
        elif not isinstance(pattern, str):
            if ranges:
                yield RangeTable(ranges), True
                ranges = []
            yield pattern, element.answer
    if ranges:
        yield RangeTable(ranges), True


@dataclass(frozen=True, slots=True)
class _Rules:
    """How names match: see MatchList."""

    parents: bool
    exact: bool

    def matches_names(self, name: str, names: frozenset[str]) -> bool:
        if name in names:
            return True
        if self.exact or not names:
            return False
        return any(key in names for key, _, _ in domain_keys(name, dotted=not self.parents))

    def matches_pattern(self, name: str, pattern: str) -> bool:
        if name == pattern:
            return True
        if self.exact:
            return False
        if self.parents:
            return name.endswith("." + pattern)
        return pattern.startswith(".") and len(name) > len(pattern) and name.endswith(pattern)

    async def matches_map(self, name: str, table: Map) -> bool:
        if await table.lookup(name) is not None:
            return True
        if self.exact or table.fixed:
            return False
        for key, partial, _ in domain_keys(name, dotted=not self.parents):
            if partial and await table.lookup(key) is not None:
                return True
        return False


class MatchList:
    """A list that names and addresses are matched against; False if it is empty.

    *parents*: "example.com" matches its subdomains too (parent_domain_matches_subdomains);
    otherwise ".example.com" does. *exact*: neither form matches a subdomain, as in mydestination.
    It *is_static* if what it says cannot change: it has no tables and no files.
    """

    def __init__(self, elements: list[_Element], *, parents: bool, exact: bool) -> None:
        self._count = len(elements)
        self._elements = _Elements(elements)
        self._rules = _Rules(parents, exact)
        self.is_static = self._elements.is_static

    def __bool__(self) -> bool:
        return self._count > 0

    async def matches(self, name: str) -> bool:
        """Return whether a domain or host name is in the list.

        Raises MapUnavailable: the caller defers or answers 4xx.
        """
        return bool(await self._elements.name_answer(fold(name), self._rules))

    async def address_matches(self, address: str) -> bool:
        """Return whether an IP address (without brackets) is in the list.

        Raises MapUnavailable: the caller defers or answers 4xx.
        """
        return bool(await self._elements.address_answer(address, parse_address(address)))


def parse_match_list(
    text: str, open_map: OpenMap, *, parents: bool = False, exact: bool = False
) -> MatchList:
    """Return the list that *text* describes; *open_map* opens its tables.

    A file in the list is read again when it changes.

    Raises ConfigError: an element cannot be understood, or a file cannot be read.
    """
    return MatchList(_parse(text, open_map, True, 0), parents=parents, exact=exact)


def _parse(text: str, open_map: OpenMap, answer: bool, depth: int) -> list[_Element]:
    if depth > _DEPTH_LIMIT:
        raise ConfigError(f"match list: files nested more than {_DEPTH_LIMIT} deep")
    elements = []
    for word in split_words(text):
        item = word.lstrip("!")
        item_answer = answer is not bool((len(word) - len(item)) % 2)
        if not item:
            raise ConfigError(f'match list: no pattern after "!" in "{text.strip()}"')
        if item.startswith("/"):
            pattern: str | Range | Map | WatchedFiles[_Elements]
            pattern = _open_file(item, open_map, item_answer, depth)
        else:
            pattern = _parse_pattern(item, open_map)
        elements.append(_Element(pattern, item_answer))
    return elements


def _open_file(path: str, open_map: OpenMap, answer: bool, depth: int) -> "WatchedFiles[_Elements]":
    def read() -> _Elements:
        return _Elements(_parse(_read_file(path), open_map, answer, depth + 1))

    return WatchedFiles(path, [path], read)


def _read_file(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigError(f"match list: {error}") from error
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))


def _parse_pattern(word: str, open_map: OpenMap) -> str | Range | Map:
    if word.startswith("[") or parse_address(word.partition("/")[0]) is not None:
        return parse_range(word)
    if ":" in word:
        return open_map(word)
    if "/" in word and _ADDRESS_CHARACTERS.issuperset(word):
        return parse_range(word)
    return fold(word)
