"""Addresses as tokens: atoms, quoted strings, literals, comments, and the operators between them.

The scanner takes any text and never fails; what is not closed ends with the text. It looks at
each character once.

Postfix:  tok822_parse(3)
RFC:      5322 3.2, 3.4; 6532 3.2 (whatever is not ASCII may be part of an atom)
Must not: know a domain or a parameter
"""

import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from spoolmta.maps.keys import quote

ATOM = "atom"
QUOTED = "quoted"
LITERAL = "literal"
COMMENT = "comment"

_SPACE = r" \t\n\v\f\r"
_ATOM_END = rf'{_SPACE}()<>@,;:\\".\[\]!%|'
_TOKEN = re.compile(
    rf"""(?P<atom>[^{_ATOM_END}\x00-\x1f\x7f]++(?!\\.|[\x00-\x08\x0e-\x1f\x7f]))(?:\\\Z)?"""
    rf"""|(?P<escaped>(?:[^{_ATOM_END}]|\\.)++|(?=\\\Z))(?:\\\Z)?"""
    r"""|"(?P<quoted>(?:[^"\\]|\\.)*+)(?:"|\\?\Z)"""
    r"""|(?P<literal>\[(?:[^\]\\]|\\.)*+)(?:\]|\\?\Z)"""
    rf"""|(?P<operator>[^{_SPACE}\\])""",
    re.DOTALL,
)
_ATOM_GROUP = _TOKEN.groupindex["atom"]
_OPERATOR_GROUP = _TOKEN.groupindex["operator"]
_WORD_KINDS = frozenset({ATOM, QUOTED, LITERAL})
_NEEDS_QUOTES = re.compile(rf"[{_ATOM_END}\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_ENDS_QUOTED = re.compile(r'(["\\\r])')
_COMMENT_PART = re.compile(r"[^()\\]++|\\.|[()]", re.DOTALL)
_LINE_END = re.compile(r"\r?\n")
_BLANKS = re.compile(rf"\r\n|[{_SPACE}]")


class Token(NamedTuple):
    """One token. *kind* is ATOM, QUOTED, LITERAL, COMMENT, or the operator itself ("@", "<" ...).

    *text* is without quotes and backslashes; literals and comments keep their brackets. An atom
    that needs quotes, for it was written with backslashes or control characters, is QUOTED.
    """

    kind: str
    text: str

    @property
    def is_operator(self) -> bool:
        """True for a single character that means something between words."""
        return len(self.kind) == 1

    @property
    def is_word(self) -> bool:
        """True for what may be a part of an address by itself."""
        return self.kind in _WORD_KINDS


_OPERATORS = {sign: Token(sign, sign) for sign in ')<>@,;:".]!%|\\'}
AT = _OPERATORS["@"]
DOT = _OPERATORS["."]


def scan(text: str, limit: int = sys.maxsize) -> list[Token]:
    """Return the first *limit* tokens of an address or address list; white space is dropped."""
    tokens: list[Token] = []
    at = 0
    while at >= 0 and len(tokens) < limit:
        at = _scan_to_comment(text, at, limit, tokens)
    return tokens


def _scan_to_comment(text: str, at: int, limit: int, tokens: list[Token]) -> int:
    """Append what is before the next comment, and that; return where it ends, -1 at the end."""
    append, new = tokens.append, tuple.__new__
    left = limit - len(tokens)
    for match in _TOKEN.finditer(text, at):
        group = match.lastindex
        if group == _ATOM_GROUP:
            append(new(Token, (ATOM, match[_ATOM_GROUP])))
        elif group != _OPERATOR_GROUP:
            append(_token(match))
        elif match[0] == "(":
            end = _comment_end(text, match.end())
            append(Token(COMMENT, _LINE_END.sub(" ", text[match.start() : end])))
            return end
        else:
            append(_OPERATORS.get(match[0]) or Token(match[0], match[0]))
        left -= 1
        if not left:
            break
    return -1


def internal(tokens: Sequence[Token]) -> str:
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


def external(tokens: Sequence[Token]) -> str:
    """Return the address that the tokens spell, its local part quoted if need be."""
    return quote(internal(tokens))


def written(token: Token) -> str:
    """Return a token as text that is scanned as this token again."""
    if token.kind == QUOTED:
        return '"' + _ENDS_QUOTED.sub(r"\\\1", token.text) + '"'
    if token.kind == LITERAL:
        return "[" + token.text[1:-1].replace("\\", "\\\\") + "]"
    return token.text


def find(tokens: Sequence[Token], kind: str) -> int:
    """Return the index of the first token of a kind, -1 if there is none."""
    return next((at for at, token in enumerate(tokens) if token.kind == kind), -1)


def find_last(tokens: Sequence[Token], kind: str) -> int:
    """Return the index of the last token of a kind, -1 if there is none."""
    return next((at for at in range(len(tokens) - 1, -1, -1) if tokens[at].kind == kind), -1)


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup
    if kind == "escaped":
        text = _plain(match["escaped"])
        return Token(QUOTED if _NEEDS_QUOTES.search(text) else ATOM, text)
    if kind == "quoted":
        return Token(QUOTED, _plain(match["quoted"]))
    return Token(LITERAL, _plain(match["literal"]) + "]")


def _plain(text: str) -> str:
    """Return text without backslashes; a line end, or any white space, is one blank."""
    return _ESCAPED.sub(r"\1", _BLANKS.sub(" ", text))


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
