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

from spoolmta.maps.keys import quote, quoted

ATOM = "atom"
QUOTED = "quoted"
LITERAL = "literal"
COMMENT = "comment"

_SPACE = r" \t\n\v\f\r"
_ATOM_END = rf'{_SPACE}()<>@,;:\\".\[\]!%|'
# What opens ends with what closes it, or with the text; a backslash that is last there, too.
_QUOTED_TEXT = r'"(?:[^"\\]|\\.)*+["\\]?'
_LITERAL_TEXT = r"\[(?:[^\]\\]|\\.)*+[\]\\]?"
_COMMENT_TEXT = r"\((?:[^()\\]|\\.)*+\)"
for _ in range(2):  # comments in it, and in these
    _COMMENT_TEXT = rf"\((?:[^()\\]|\\.|{_COMMENT_TEXT})*+\)"
_TOKEN = re.compile(
    rf"(?:[^{_ATOM_END}]|\\.)++\\?|{_QUOTED_TEXT}|{_LITERAL_TEXT}|{_COMMENT_TEXT}|[^{_SPACE}(]",
    re.DOTALL,
)
# All that is before a comment that no pattern matches: it is nested too deeply, or open.
_BEFORE_DEEP = re.compile(
    rf'(?:[^"\[(\\]|\\.|{_QUOTED_TEXT}|{_LITERAL_TEXT}|{_COMMENT_TEXT}|\\)*+', re.DOTALL
)
_COMMENT_PART = re.compile(r"(?:[^()\\]|\\.)*+(?:([()])|\\?\Z)", re.DOTALL)
_WORD_KINDS = frozenset({ATOM, QUOTED, LITERAL})
_NEEDS_QUOTES = re.compile(rf"[{_ATOM_END}\x00-\x1f\x7f]")
_NOT_PLAIN = re.compile(r"[\\\t\n\v\f\r]")
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
# The one that closes is the only one without a backslash.
_ESCAPED_OR_QUOTE = re.compile(r'[\\"](.?)', re.DOTALL)
_ESCAPED_OR_BRACKET = re.compile(r"[\\\]](.?)", re.DOTALL)
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


# Token(), without its arguments by name.
_new = tuple.__new__
OPERATORS = {sign: Token(sign, sign) for sign in ")<>@,;:.]!%|"}
"""Operators by themselves; each is one object."""
NOBODY = Token(QUOTED, "")
AT = OPERATORS["@"]
DOT = OPERATORS["."]


def scan(text: str, limit: int = sys.maxsize) -> list[Token]:
    """Return the first *limit* tokens of an address or address list; white space is dropped."""
    pieces = _pieces(text, limit) if "(" in text else _TOKEN.findall(text)
    known = _Known()
    return [known[piece] for piece in pieces[:limit]]


def _pieces(text: str, limit: int) -> list[str]:
    """Return the tokens as they are written, some more than *limit* perhaps."""
    pieces: list[str] = []
    at = 0
    while at < len(text) and len(pieces) < limit:
        found = _BEFORE_DEEP.match(text, at)
        assert found is not None  # it may be empty
        start = found.end()
        pieces += _TOKEN.findall(text, at, start)
        if start == len(text):
            break
        at = _comment_end(text, start)
        pieces.append(text[start:at])
    return pieces


class _Known(dict[str, Token]):
    """What the pieces of one text are as tokens; many come again and again."""

    def __missing__(self, piece: str) -> Token:
        token = self[piece] = OPERATORS.get(piece) or _token(piece)
        return token


def internal(tokens: Sequence[Token]) -> str:
    """Return the address that the tokens spell, in internal form: nothing is quoted."""
    if len(tokens) == 1:
        return tokens[0][1]
    parts: list[str] = []
    before = ";"
    for kind, text in tokens:
        # Between two words, and where a list of addresses would have a blank.
        words = len(before) > 1 and len(kind) > 1
        if words or before == "," or (kind == "<" and parts):
            parts.append(" ")
        parts.append(text)
        before = kind
    return "".join(parts)


def external(tokens: Sequence[Token]) -> str:
    """Return the address that the tokens spell, its local part quoted if need be."""
    text = internal(tokens)
    return text if text.isalnum() else quote(text)


def written(token: Token) -> str:
    """Return a token as text that is scanned as this token again."""
    kind, text = token
    if kind == QUOTED:
        return quoted(text)
    if kind == LITERAL:
        return "[" + text[1:-1].replace("\\", "\\\\") + "]"
    return text


def find(tokens: Sequence[Token], kind: str, start: int = 0) -> int:
    """Return the index of the first token of a kind from *start* on, -1 if there is none."""
    for at in range(start, len(tokens)):
        if tokens[at][0] == kind:
            return at
    return -1


def find_last(tokens: Sequence[Token], kind: str) -> int:
    """Return the index of the last token of a kind, -1 if there is none."""
    for at in range(len(tokens) - 1, -1, -1):
        if tokens[at][0] == kind:
            return at
    return -1


def _token(piece: str) -> Token:
    if piece.isalnum():
        return _new(Token, (ATOM, piece))
    opening = piece[0]
    if opening == '"':
        return _new(Token, (QUOTED, _content(piece[1:], _ESCAPED_OR_QUOTE, '"')))
    if opening == "[":
        return Token(LITERAL, _content(piece, _ESCAPED_OR_BRACKET, "]") + "]")
    if opening == "(":
        return Token(COMMENT, _LINE_END.sub(" ", piece) if "\n" in piece else piece)
    if "\\" not in piece and (piece.isprintable() or not _NEEDS_QUOTES.search(piece)):
        return Token(ATOM, piece)
    text = piece if piece.isprintable() else _BLANKS.sub(" ", piece)
    text = "".join(_ESCAPED.split(text)) if "\\\\" in text else text.replace("\\", "")
    is_atom = text.isalnum() or not _NEEDS_QUOTES.search(text)
    return _new(Token, (ATOM if is_atom else QUOTED, text))


def _content(piece: str, escaped_or_end: re.Pattern[str], end: str) -> str:
    """Return text without backslashes and *end*; a line end, or any white space, is one blank."""
    if not _NOT_PLAIN.search(piece):
        return piece.removesuffix(end)
    return "".join(escaped_or_end.split(_BLANKS.sub(" ", piece)))


def _comment_end(text: str, at: int) -> int:
    depth = 0
    for match in _COMMENT_PART.finditer(text, at):
        bracket = match[1]
        if bracket == "(":
            depth += 1
        elif depth == 1 or not bracket:
            return match.end()
        else:
            depth -= 1
    return len(text)
