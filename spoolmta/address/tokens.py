"""Addresses as tokens: atoms, quoted strings, literals, comments, and the operators between them.

The scanner takes any text and never fails; what is not closed ends with the text. It looks at
each character once.

Postfix:  tok822_parse(3)
RFC:      5322 3.2, 3.4
Must not: know a domain or a parameter
"""

import re
from typing import NamedTuple

ATOM = "atom"
QUOTED = "quoted"
LITERAL = "literal"
COMMENT = "comment"

_ATOM_END = r'\s()<>@,;:\\".\[\]!%|'
_TOKEN = re.compile(
    rf"""(?P<atom>(?:[^{_ATOM_END}]|\\.)+)"""
    r"""|"(?P<quoted>(?:[^"\\]|\\.)*)(?:"|\\?\Z)"""
    r"""|(?P<literal>\[(?:[^\]\\]|\\.)*)(?:\]|\\?\Z)"""
    r"""|(?P<operator>[^\s\\])""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
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


AT = Token("@", "@")
DOT = Token(".", ".")


def scan(text: str) -> list[Token]:
    """Return the tokens of an address or address list; white space is dropped."""
    tokens = []
    at = 0
    find = _TOKEN.search
    while match := find(text, at):
        at = match.end()
        kind = match.lastgroup
        if kind == "atom":
            atom = match[0]
            tokens.append(Token(ATOM, _ESCAPED.sub(r"\1", atom) if "\\" in atom else atom))
        elif kind == "quoted":
            content = match["quoted"].replace("\r\n", " ").replace("\n", " ")
            tokens.append(Token(QUOTED, _ESCAPED.sub(r"\1", content)))
        elif kind == "literal":
            tokens.append(Token(LITERAL, match["literal"] + "]"))
        elif match[0] == "(":
            at = _comment_end(text, at)
            tokens.append(Token(COMMENT, text[match.start() : at]))
        else:
            tokens.append(Token(match[0], match[0]))
    return tokens


def internal(tokens: list[Token]) -> str:
    """Return the address that the tokens spell, in internal form: nothing is quoted."""
    parts: list[str] = []
    word_before = False
    for token in tokens:
        if token.is_operator:
            word_before = False
        else:
            if word_before:
                parts.append(" ")
            word_before = True
        parts.append(token.text)
        if token.kind == ",":
            parts.append(" ")
    return "".join(parts)


def find(tokens: list[Token], kind: str) -> int:
    """Return the index of the first token of a kind, -1 if there is none."""
    return next((at for at, token in enumerate(tokens) if token.kind == kind), -1)


def find_last(tokens: list[Token], kind: str) -> int:
    """Return the index of the last token of a kind, -1 if there is none."""
    return next((at for at in range(len(tokens) - 1, -1, -1) if tokens[at].kind == kind), -1)


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
