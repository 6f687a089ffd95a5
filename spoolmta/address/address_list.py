"""Lists of addresses as in To: headers and in the values of alias tables.

Takes what RFC 5322 allows and much that people write: display names, comments, groups, source
routes, missing or doubled commas and brackets. It never fails and reads the text once.

Postfix: tok822_parse(3), virtual(5), sendmail(1) -t
RFC:     5322 3.4, 4.4
Limits:  what stands between two commas without <> is one address, blanks and all
"""

import sys
from dataclasses import dataclass

from spoolmta.address.quoting import quote
from spoolmta.address.rewrite import RewriteRules, rewrite_tokens
from spoolmta.address.tokens import AT, COMMENT, Span, Token, internal, scan_spans


@dataclass(frozen=True, slots=True)
class ListedAddress:
    """One address of a list, without display name and comments; text[start:end] holds it."""

    tokens: tuple[Token, ...]
    start: int
    end: int

    @property
    def internal(self) -> str:
        """The address in internal form; "" for <>."""
        return internal(list(self.tokens))

    def rewritten(self, rules: RewriteRules) -> str:
        """Return the address in internal form, rewritten."""
        return internal(rewrite_tokens(list(self.tokens), rules))


def parse_address_list(text: str, *, token_limit: int = sys.maxsize) -> list[ListedAddress]:
    """Return the addresses of a list, in their order; groups are taken apart.

    Nothing is read beyond *token_limit* tokens.
    """
    reader = _ListReader()
    for span in scan_spans(text, token_limit):
        reader.take(span)
    reader.end_item()
    return reader.addresses


def rewrite_address_list(
    text: str, rules: RewriteRules, *, token_limit: int = sys.maxsize
) -> str | None:
    """Return the list with its addresses rewritten, all else as it was; None if none changed."""
    parts: list[str] = []
    at = 0
    for address in parse_address_list(text, token_limit=token_limit):
        before = address.internal
        after = address.rewritten(rules)
        if after == before:
            continue
        comments = _comments(text[address.start : address.end])
        parts += (text[at : address.start], quote(after), comments)
        at = address.end
    if not parts:
        return None
    parts.append(text[at:])
    return "".join(parts)


class _ListReader:
    """Gathers tokens into addresses; *_bracket* is None outside of <>."""

    def __init__(self) -> None:
        self.addresses: list[ListedAddress] = []
        self._words: list[Span] = []
        self._bracket: list[Span] | None = None
        self._had_bracket = False

    def take(self, span: Span) -> None:
        kind = span.token.kind
        if kind == COMMENT:
            return
        if kind == "<":
            self._open()
        elif kind == ">":
            self._close(span)
        elif self._bracket is not None:
            if kind in ",;" and not self._in_route():
                self.end_item()
            else:
                self._bracket.append(span)
        elif kind in ",;":
            self.end_item()
        elif kind == ":" and not (self._words and self._words[0].token == AT):
            self._words.clear()
            self._had_bracket = False
        else:
            self._words.append(span)

    def end_item(self) -> None:
        if self._bracket is not None:
            self._add(self._bracket)
        elif self._words and not self._had_bracket:
            self._add(self._words)
        self._words = []
        self._bracket = None
        self._had_bracket = False

    def _open(self) -> None:
        if self._bracket is not None and not self._bracket:
            return
        if self._bracket:
            self._add(self._bracket)
        self._bracket = []

    def _close(self, span: Span) -> None:
        if self._bracket is None:
            return
        if self._bracket:
            self._add(self._bracket)
        else:
            self.addresses.append(ListedAddress((), span.start, span.start))
        self._bracket = None
        self._had_bracket = True

    def _in_route(self) -> bool:
        return self._bracket is not None and [s.token for s in self._bracket[:1]] == [AT]

    def _add(self, spans: list[Span]) -> None:
        if not spans:
            return
        tokens = tuple(span.token for span in spans)
        self.addresses.append(ListedAddress(tokens, spans[0].start, spans[-1].end))


def _comments(text: str) -> str:
    if "(" not in text:
        return ""
    found = [span.token.text for span in scan_spans(text) if span.token.kind == COMMENT]
    return "".join(" " + comment for comment in found)
