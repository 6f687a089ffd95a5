"""Lists of addresses as in To: headers and in the values of alias tables.

Takes what RFC 5322 allows and much that people write: display names, comments, groups, source
routes, missing or doubled commas and brackets. It never fails and reads the text once, from its
end: what a word means depends on what follows it ("<", ":", ";").

Postfix: tok822_parse(3), virtual(5), sendmail(1) -t
RFC:     5322 3.4, 4.4
"""

import sys
from collections.abc import Sequence
from enum import Enum, auto

from spoolmta.address.rewrite import RewriteRules, rewrite_tokens
from spoolmta.address.tokens import COMMENT, QUOTED, Token, external, internal, scan, written

# The colon behind a group's name; other colons are parts of addresses.
GROUP = "group"

_NOBODY = Token(QUOTED, "")
_COMMA = Token(",", ",")
_COLON = Token(GROUP, ":")
_ENDS = frozenset(",;>")
_FOLD_BYTES = 70


class ListedAddress(tuple[Token, ...]):
    """One address of a list, without display name and comments; empty for "<>"."""

    __slots__ = ()

    @property
    def internal(self) -> str:
        """The address in internal form."""
        return internal(self)

    @property
    def external(self) -> str:
        """The address as it is written, each part quoted as it was."""
        return "".join(", " if token.kind == "," else written(token) for token in self)

    def rewritten(self, rules: RewriteRules) -> str:
        """Return the address in internal form, rewritten."""
        return internal(rewrite_tokens(scan(self.external), rules))


ListItem = Token | ListedAddress


def parse_address_list(text: str, *, token_limit: int = sys.maxsize) -> list[ListedAddress]:
    """Return the addresses of a list, in their order; groups are taken apart.

    Nothing is read beyond *token_limit* tokens.
    """
    items = parse_list_items(text, token_limit=token_limit)
    return [item for item in items if isinstance(item, ListedAddress)]


def read_address(text: str) -> ListedAddress:
    """Return the address that *text* (external form) is; "" is written with quotes."""
    return ListedAddress(scan(text) or (_NOBODY,))


def parse_list_items(text: str, *, token_limit: int = sys.maxsize) -> list[ListItem]:
    """Return a list as addresses and the tokens around them.

    A comma that is missing between two addresses is put in; comments inside of an address stand
    behind it. Nothing is read beyond *token_limit* tokens.
    """
    reader = _ListReader(scan(text, token_limit))
    reader.read()
    reader.items.reverse()
    return reader.items


def format_list_items(items: Sequence[ListItem], *, width: int = 0) -> str:
    """Return the text of a list, folded as Postfix folds headers; *width* is that of its name."""
    lines = [""]
    for at, item in enumerate(items):
        if isinstance(item, ListedAddress):
            lines[-1] += external(item) if item else ""
        else:
            lines[-1] += written(item)
        if item == _COMMA:
            lines.append("")
        elif at + 1 < len(items) and _blank_between(item, items[at + 1]):
            lines[-1] += " "
    return _folded(lines, width)


class _State(Enum):
    """What the words are that come next, seen from the end of the list."""

    ADDRESS = auto()
    NAME = auto()  # a display name: an address in angle brackets follows it
    TITLE = auto()  # a group's name


class _ListReader:
    """Reads tokens from the last to the first; *items* are in that order, too."""

    def __init__(self, tokens: list[Token]) -> None:
        self.items: list[ListItem] = []
        self._tokens = tokens
        self._at = len(tokens)
        self._state = _State.ADDRESS
        self._in_group = False
        self._next_is_address = False

    def read(self) -> None:
        while self._at:
            token = self._tokens[self._at - 1]
            kind = token.kind
            if kind == ",":
                self._take(token, _State.ADDRESS)
            elif self._state is _State.TITLE or kind == COMMENT:
                self._take(token, self._state)
            elif kind == ";":
                self._end_address()
                self._take(token, _State.ADDRESS)
                self._in_group = True
            elif kind == ":" and self._in_group:
                self._take(_COLON, _State.TITLE)
            elif kind == ":" and self._state is _State.NAME:
                self._take(token, _State.ADDRESS)
            elif kind == ">":
                self._read_brackets()
            elif self._state is _State.NAME:
                self._take(token, self._state)
            else:
                self._read_address()

    def _take(self, token: Token, state: _State) -> None:
        self._at -= 1
        self._state = state
        self.items.append(token)
        if token.kind != COMMENT:
            self._next_is_address = False

    def _end_address(self) -> None:
        """Put in the comma that an address needs before the one that was just read."""
        if self._next_is_address:
            self.items.append(_COMMA)
            self._next_is_address = False

    def _read_brackets(self) -> None:
        self._end_address()
        self._take(self._tokens[self._at - 1], _State.NAME)
        end = self._at
        while self._at and self._tokens[self._at - 1].kind != "<":
            self._at -= 1
        self._add(self._tokens[self._at : end])
        if self._at == end and self._at:
            self.items.append(ListedAddress())
        if self._at:
            self._take(self._tokens[self._at - 1], _State.NAME)

    def _read_address(self) -> None:
        self._end_address()
        end = self._at
        after_is_word = False
        while self._at:
            token = self._tokens[self._at - 1]
            if token.kind in _ENDS or (token.kind == ":" and self._in_group):
                break
            if token.kind != COMMENT:
                if after_is_word and token.is_word:
                    break
                after_is_word = token.is_word
            self._at -= 1
        self._add(self._tokens[self._at : end])

    def _add(self, tokens: list[Token]) -> None:
        address = ListedAddress(token for token in tokens if token.kind != COMMENT)
        self.items += [token for token in reversed(tokens) if token.kind == COMMENT]
        if address:
            self.items.append(address)
            self._next_is_address = True


def _blank_between(item: ListItem, after: ListItem) -> bool:
    if isinstance(after, Token) and after.kind == "<":
        return True
    if isinstance(item, Token) and item.kind == GROUP:
        return True
    return not _is_operator(item) and not _is_operator(after)


def _is_operator(item: ListItem) -> bool:
    return isinstance(item, Token) and (item.is_operator or item.kind == GROUP)


def _folded(lines: list[str], width: int) -> str:
    """Return lines joined while they fit."""
    parts = [lines[0]]
    width += _width(lines[0])
    for line in lines[1:]:
        wanted = _width(line)
        if width + 1 + wanted < _FOLD_BYTES:
            parts += (" ", line)
            width += 1 + wanted
        else:
            parts += ("\r\n\t", line)
            width = wanted
    return "".join(parts)


def _width(line: str) -> int:
    return len(line) if line.isascii() else len(line.encode("utf-8", "surrogateescape"))
