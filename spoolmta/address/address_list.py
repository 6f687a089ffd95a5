"""Lists of addresses as in To: headers and in the values of alias tables.

Takes what RFC 5322 allows and much that people write: display names, comments, groups, source
routes, missing or doubled commas and brackets. It never fails and reads the text once, from its
end: what a word means depends on what follows it ("<", ":", ";").

Postfix: tok822_parse(3), virtual(5), sendmail(1) -t
RFC:     5322 3.4, 4.4
"""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from spoolmta.address.rewrite import PLAIN
from spoolmta.address.tokens import (
    ATOM,
    COMMENT,
    LITERAL,
    NOBODY,
    OPERATORS,
    QUOTED,
    Token,
    external,
    internal,
    scan,
    written,
)

# The colon behind a group's name; other colons are parts of addresses.
GROUP = "group"

_COMMA = Token(",", ",")
_COLON = Token(GROUP, ":")
_FOLD_BYTES = 70
# What is written otherwise than it reads.
_WRITTEN_APART = frozenset({QUOTED, LITERAL, ","})

# A list as signs, one for each token, from its end: words, comments, operators.
_WORD = "w"
_REMARK = "c"
_SIGNS = {ATOM: _WORD, QUOTED: _WORD, LITERAL: _WORD, COMMENT: _REMARK}
_SIGNS |= {operator: operator for operator in OPERATORS}
# An address ends before a word that has no operator behind it.
_ADDRESS = re.compile(r"(?:[^w,;>]|w(?!c*+w))*+(?:wc*+)?")
_ADDRESS_IN_GROUP = re.compile(r"(?:[^w,;>:]|w(?!c*+w))*+(?:wc*+)?")
# Nearly all of a long list: words with a comma before each.
_WORDS = re.compile(r"(?:w,)++")
_WORDS_SIDE_BY_SIDE = re.compile(r"(?:w(?=[w,]|\Z))++")
_WORDS_WITH_COMMENTS = re.compile(r"(?:wc(?=w))++")
# A display name goes on until one of these.
_NAME = re.compile(r"[^,;:>]*+:?")
_NAME_IN_GROUP = re.compile(r"[^,;:>]*+")


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
        if len(self) == 1:
            return _written(self[0])
        return "".join(
            [_written(token) if token[0] in _WRITTEN_APART else token[1] for token in self]
        )


ListItem = Token | ListedAddress


def parse_address_list(text: str, *, token_limit: int = sys.maxsize) -> list[ListedAddress]:
    """Return the addresses of a list, in their order; groups are taken apart.

    Nothing is read beyond *token_limit* tokens.
    """
    items = parse_list_items(text, token_limit=token_limit)
    return [item for item in items if isinstance(item, ListedAddress)]


def external_addresses(text: str, at_most: int) -> list[str]:
    """Return the addresses of a list as they are written; of more than *at_most*, the first."""
    if PLAIN.fullmatch(text):
        return [text]
    return [listed.external for listed in parse_address_list(text)[:at_most]]


def read_address(text: str) -> ListedAddress:
    """Return the address that *text* (external form) is; "" is written with quotes."""
    return ListedAddress(scan(text) or (NOBODY,))


def parse_list_items(text: str, *, token_limit: int = sys.maxsize) -> list[ListItem]:
    """Return a list as addresses and the tokens around them.

    A comma that is missing between two addresses is put in; comments inside of an address stand
    behind it. Nothing is read beyond *token_limit* tokens.
    """
    tokens = scan(text, token_limit)
    if len(tokens) == 1 and tokens[0].is_word:
        return [ListedAddress(tokens)]
    reader = _ListReader(tokens)
    reader.read()
    reader.items.reverse()
    return reader.items


def format_list_items(items: Sequence[ListItem | str], *, width: int = 0) -> str:
    """Return the text of a list, folded as Postfix folds headers; *width* is that of its name.

    A string is an address that is written already.
    """
    lines: list[str] = []
    line = ""
    before = ","
    for item in items:
        if isinstance(item, Token):
            kind, text = item
            if kind == ",":
                lines.append(line + (" ," if before == GROUP else ","))
                line, before = "", ","
                continue
            if kind in _WRITTEN_APART:
                text = written(item)
            sign = _SIGNS.get(kind, kind)
            sign = _WORD if sign == _REMARK else sign
        else:
            text = item if isinstance(item, str) else external(item) if item else ""
            sign = _WORD
        if before != "," and (sign == "<" or before == GROUP or before == sign == _WORD):
            line += " "
        line += text
        before = sign
    return _folded([*lines, line], width)


def _written(token: Token) -> str:
    return ", " if token.kind == "," else written(token)


_listed = tuple.__new__


class _ListReader:
    """Reads tokens from the last to the first; *items* are in that order, too."""

    def __init__(self, tokens: list[Token]) -> None:
        self.items: list[ListItem] = []
        self._backwards = tokens[::-1]
        signs = "".join([_SIGNS[kind] for kind, _ in tokens])
        self._signs = signs[::-1]
        self._has_comments = _REMARK in signs
        self._next_is_address = False

    def read(self) -> None:
        signs, address, name = self._signs, _ADDRESS, _NAME
        backwards, items = self._backwards, self.items
        at = 0
        while at < len(signs):
            sign = signs[at]
            if sign in ",c":
                items.append(backwards[at])
                at += 1
                if sign == ",":
                    self._next_is_address = False
                continue
            if sign == ":" and address is _ADDRESS_IN_GROUP:
                items.append(_COLON)
                at = self._take(at + 1, _found(signs, ",", at))
                continue
            # A comma that an address needs before the one that was just read.
            if self._next_is_address:
                items.append(_COMMA)
            if sign == _WORD:
                at = self._read_word(at, address)
            elif sign == ";":
                at = self._take(at, at + 1)
                address, name = _ADDRESS_IN_GROUP, _NAME_IN_GROUP
            elif sign == ">":
                at = self._read_brackets(at, name)
            else:
                at = self._add(at, _end_of(address, signs, at))

    def _read_word(self, at: int, address: re.Pattern[str]) -> int:
        """Read the address that ends with a word, and some like it; return where they end."""
        before = self._signs[at + 1 : at + 5]
        if before[:3] == ",w,":
            return self._read_words(at)
        if before == "cwcw":
            return self._read_words_with_comments(at)
        if before[:1] == _WORD:
            return self._read_words_side_by_side(at)
        if before[:1] in (",", ""):
            end = at + 1
        elif before[:3] == "@w,":
            end = at + 3
        else:
            return self._add(at, _end_of(address, self._signs, at))
        tokens = self._backwards[at:end]
        tokens.reverse()
        self.items.append(_listed(ListedAddress, tokens))
        self._next_is_address = True
        return end

    def _read_words(self, at: int) -> int:
        """Read words as addresses, and the comma before each; return where they end."""
        end = _end_of(_WORDS, self._signs, at)
        items: list[ListItem] = [*self._backwards[at:end]]
        items[::2] = _addresses(items[::2])
        self.items += items
        self._next_is_address = False
        return end

    def _read_words_side_by_side(self, at: int) -> int:
        """Read words as addresses, with no comma between them; return where they end."""
        end = _end_of(_WORDS_SIDE_BY_SIDE, self._signs, at)
        items: list[ListItem] = [_COMMA] * (2 * (end - at) - 1)
        items[::2] = _addresses(self._backwards[at:end])
        self.items += items
        self._next_is_address = True
        return end

    def _read_words_with_comments(self, at: int) -> int:
        """Read words as addresses, each with a comment behind it and no comma between them."""
        end = _end_of(_WORDS_WITH_COMMENTS, self._signs, at)
        items: list[ListItem] = [_COMMA] * ((end - at) // 2 * 3 - 1)
        items[::3] = self._backwards[at + 1 : end : 2]
        items[1::3] = _addresses(self._backwards[at:end:2])
        self.items += items
        self._next_is_address = True
        return end

    def _take(self, at: int, end: int) -> int:
        """Take tokens as they are, one of them at least no comment; return *end*."""
        self.items += self._backwards[at:end]
        self._next_is_address = False
        return end

    def _read_brackets(self, at: int, name: re.Pattern[str]) -> int:
        """Read what is in angle brackets, and the display name before it; return where it ends."""
        signs, items = self._signs, self.items
        items.append(self._backwards[at])
        self._next_is_address = False
        end = _found(signs, "<", at)
        if end == len(signs):
            return self._add(at + 1, end)
        if end == at + 2 and signs[at + 1] == _WORD:
            items.append(_listed(ListedAddress, (self._backwards[at + 1],)))
        elif end == at + 1:
            items.append(ListedAddress())
        else:
            self._add(at + 1, end)
        return self._take(end, _end_of(name, signs, end))

    def _add(self, at: int, end: int) -> int:
        """Take tokens as one address, behind it the comments that are in it; return *end*."""
        tokens = self._backwards[at:end]
        if self._has_comments and (remarks := self._signs.count(_REMARK, at, end)):
            if remarks == 1:
                self.items.append(tokens.pop(self._signs.find(_REMARK, at) - at))
            else:
                self.items += [token for token in tokens if token[0] == COMMENT]
                tokens = [token for token in tokens if token[0] != COMMENT]
        if tokens:
            tokens.reverse()
            self.items.append(_listed(ListedAddress, tokens))
            self._next_is_address = True
        return end


def _addresses(words: Iterable[Any]) -> list[ListedAddress]:
    """Return words as an address each."""
    return [_listed(ListedAddress, (word,)) for word in words]


def _end_of(pattern: re.Pattern[str], signs: str, at: int) -> int:
    found = pattern.match(signs, at)
    assert found is not None  # it may be empty
    return found.end()


def _found(signs: str, sign: str, at: int) -> int:
    """Return where a sign is, or the end."""
    found = signs.find(sign, at)
    return len(signs) if found < 0 else found


def _folded(lines: list[str], width: int) -> str:
    """Return lines joined while they fit."""
    parts = [lines[0]]
    width += _width(lines[0])
    for line in lines[1:]:
        wanted = len(line) if line.isascii() else _width(line)
        if width + 1 + wanted < _FOLD_BYTES:
            parts += (" ", line)
            width += 1 + wanted
        else:
            parts += ("\r\n\t", line)
            width = wanted
    return "".join(parts)


def _width(line: str) -> int:
    return len(line.encode("utf-8", "surrogateescape"))
