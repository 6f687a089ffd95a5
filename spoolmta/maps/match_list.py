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
from spoolmta.maps.keys import fold
from spoolmta.maps.lookup import Map, parents
from spoolmta.maps.syntax import split_words
from spoolmta.net.network import parse_address, parse_network

OpenMap = Callable[[str], Map]
_DEPTH_LIMIT = 10


@dataclass(frozen=True, slots=True)
class _Range:
    version: int
    value: int
    mask: int


@dataclass(frozen=True, slots=True)
class _Element:
    pattern: str | _Range | Map
    answer: bool


class MatchList:
    """A list that names and addresses are matched against; False if it is empty.

    *parents*: "example.com" matches its subdomains too (parent_domain_matches_subdomains);
    otherwise ".example.com" does. *exact*: neither form matches a subdomain, as in mydestination.
    """

    def __init__(self, elements: list[_Element], *, parents: bool, exact: bool) -> None:
        self._elements = elements
        self._parents = parents
        self._exact = exact
        self.is_static = not any(_is_map(element.pattern) for element in elements)
        # The common list, names alone without "!", is one set look-up.
        self._names = (
            frozenset(str(element.pattern) for element in elements)
            if all(isinstance(e.pattern, str) and e.answer for e in elements)
            else None
        )

    def __bool__(self) -> bool:
        return bool(self._elements)

    async def matches(self, name: str) -> bool:
        """Return whether a domain or host name is in the list.

        Raises MapUnavailable: the caller defers or answers 4xx.
        """
        name = fold(name)
        if self._names is not None:
            return self._matches_names(name, self._names)
        for element in self._elements:
            pattern = element.pattern
            if isinstance(pattern, str):
                if self._matches_pattern(name, pattern):
                    return element.answer
            elif not isinstance(pattern, _Range) and await self._matches_map(name, pattern):
                return element.answer
        return False

    async def address_matches(self, address: str) -> bool:
        """Return whether an IP address (without brackets) is in the list.

        Raises MapUnavailable: the caller defers or answers 4xx.
        """
        parsed = parse_address(address)
        version, number = (0, 0) if parsed is None else (parsed.version, int(parsed))
        for element in self._elements:
            pattern = element.pattern
            if isinstance(pattern, _Range):
                if version == pattern.version and number & pattern.mask == pattern.value:
                    return element.answer
            elif isinstance(pattern, str):
                if pattern == address:
                    return element.answer
            elif await pattern.lookup(address) is not None:
                return element.answer
        return False

    def _matches_names(self, name: str, names: frozenset[str]) -> bool:
        if name in names:
            return True
        if self._exact or not names:
            return False
        return any(key in names for key in parents(name, dotted=not self._parents))

    def _matches_pattern(self, name: str, pattern: str) -> bool:
        if name == pattern:
            return True
        if self._exact:
            return False
        if self._parents:
            return name.endswith("." + pattern)
        return pattern.startswith(".") and len(name) > len(pattern) and name.endswith(pattern)

    async def _matches_map(self, name: str, table: Map) -> bool:
        if await table.lookup(name) is not None:
            return True
        if self._exact or table.fixed:
            return False
        for key in parents(name, dotted=not self._parents):
            if key != name and await table.lookup(key) is not None:
                return True
        return False


def parse_match_list(
    text: str, open_map: OpenMap, *, parents: bool = False, exact: bool = False
) -> MatchList:
    """Return the list that *text* describes; *open_map* opens its tables.

    Raises ConfigError: an element cannot be understood, or a file cannot be read.
    """
    elements = [
        _Element(_parse_pattern(word, open_map), answer) for word, answer in _words(text, True, 0)
    ]
    return MatchList(elements, parents=parents, exact=exact)


def _words(text: str, answer: bool, depth: int) -> Iterator[tuple[str, bool]]:
    if depth > _DEPTH_LIMIT:
        raise ConfigError(f"match list: files nested more than {_DEPTH_LIMIT} deep")
    for word in split_words(text):
        item_answer = answer
        item = word
        while item.startswith("!"):
            item_answer = not item_answer
            item = item[1:]
        if not item:
            raise ConfigError(f'match list: no pattern after "!" in "{text.strip()}"')
        if item.startswith("/"):
            yield from _words(_read_file(item), item_answer, depth + 1)
        else:
            yield item, item_answer


def _read_file(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ConfigError(f"match list: {error}") from error
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))


def _parse_pattern(word: str, open_map: OpenMap) -> str | _Range | Map:
    if parse_address(word.partition("/")[0]) is not None:
        network = parse_network(word)
        return _Range(network.version, int(network.network_address), int(network.netmask))
    if ":" in word and not word.startswith("["):
        return open_map(word)
    return fold(word)


def _is_map(pattern: str | _Range | Map) -> bool:
    return not isinstance(pattern, str | _Range)
