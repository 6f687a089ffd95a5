"""Addresses as tokens: atoms, quoted strings, literals, comments, and the operators between them.

The scanner takes any text and never fails; what is not closed ends with the text. It looks at
each character once.

Postfix:  tok822_parse(3)
RFC:      5322 3.2, 3.4
Must not: know a domain or a parameter
"""

import re
import sys
from typing import NamedTuple

ATOM = "atom"
QUOTED = "quoted"
LITERAL = "literal"
COMMENT = "comment"

_ATOM_END = r'\s()<>@,;:\\".\[\]!%|'
_TOKEN = re.compile(
    rf"""(?P<atom>(?:[^{_ATOM_END}]|\\.)+(?:\\\Z)?|\\\Z)"""
    r"""|"(?P<quoted>(?:[^"\\]|\\.)*)(?:"|\\?\Z)"""
    r"""|(?P<literal>\[(?:[^\]\\]|\\.)*)(?:\]|\\?\Z)"""
    r"""|(?P<operator>[^\s\\])""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_COMMENT_PART = re.compile(r"[^()\\]+|\\.|[()]", re.DOTALL)


class Token(NamedTuple):
    """One token. *kind* is ATOM, QUOTED, LITERAL, COMMENT, or the operator itself ("@", "<" ...).

    *text* is without quotes and backslashes; literals and comments keep their brackets.
    """

    kind: str
    text: str

    @property
    def is_operator(self) -> bool:
        """True for a single character that means something between words."""
        return len(self.kind) == 1


class Span(NamedTuple):
    """A token and where it stands in the text: text[start:end]."""

    token: Token
    start: int
    end: int


AT = Token("@", "@")
DOT = Token(".", ".")


def scan(text: str) -> list[Token]:
    """Return the tokens of an address or address list; white space is dropped."""
    return [span.token for span in scan_spans(text)]


def scan_spans(text: str, limit: int = sys.maxsize) -> list[Span]:
    """Return the first *limit* tokens of a text, each with its place."""
    spans: list[Span] = []
    at = 0
    find = _TOKEN.search
    while len(spans) < limit and (match := find(text, at)):
        start, at = match.span()
        if match[0] == "(":
            at = _comment_end(text, at)
            token = Token(COMMENT, text[start:at])
        else:
            token = _token(match)
        spans.append(Span(token, start, at))
    return spans


def internal(tokens: list[Token]) -> str:
    """Return the address that the tokens spell, in internal form: nothing is quoted."""
    parts: list[str] = []
    before = Token(";", "")
    for token in tokens:
        words = not before.is_operator and not token.is_operator
        # Between two words, and where a list of addresses would have a blank.
        if parts and (words or before.kind == "," or token.kind == "<"):
            parts.append(" ")
        parts.append(token.text)
        before = token
    return "".join(parts)


def find(tokens: list[Token], kind: str) -> int:
    """Return the index of the first token of a kind, -1 if there is none."""
    return next((at for at, token in enumerate(tokens) if token.kind == kind), -1)


def find_last(tokens: list[Token], kind: str) -> int:
    """Return the index of the last token of a kind, -1 if there is none."""
    return next((at for at in range(len(tokens) - 1, -1, -1) if tokens[at].kind == kind), -1)


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup
    if kind == "atom":
        atom = match[0]
        return Token(ATOM, _ESCAPED.sub(r"\1", atom) if "\\" in atom else atom)
    if kind == "quoted":
        content = match["quoted"].replace("\r\n", " ").replace("\n", " ")
        return Token(QUOTED, _ESCAPED.sub(r"\1", content))
    if kind == "literal":
        return Token(LITERAL, _ESCAPED.sub(r"\1", match["literal"]) + "]")
    return Token(match[0], match[0])


def _comment_end(text: str, at: int) -> int:
    depth = 1
    for match in _COMMENT_PART.finditer(text, at):
        part = match[0]
        if part == "(":
            depth += 1
        elif part == ")":
            depth -= 1
            if not depth:
                return match.end()
    return len(text)
