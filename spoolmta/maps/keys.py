"""The forms in which an address is a key: quoted or not, with or without its extension.

Postfix:    mail_addr_find(3), split_addr(3), quote_822_local(3), ADDRESS_REWRITING_README
RFC:        5321 4.1.2 (Local-part: Dot-string or Quoted-string)
Parameters: recipient_delimiter, double_bounce_sender, owner_request_special
Must not:   look anything up
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

Fold = Callable[[str], str]

_UNSPLIT = frozenset({"postmaster", "mailer-daemon", "double-bounce"})
# What needs no quoting: dot-separated atoms. 8-bit characters count as atom characters.
_ATOM = r'[^\x00-\x20\x7f()<>@,;:\\".\[\]]++'
_ATOMS = rf"{_ATOM}(?:\.{_ATOM})*+"
_DOT_STRING = re.compile(_ATOMS)
_PLAIN = re.compile(rf"{_ATOMS}(?:@[^@]*+)?", re.DOTALL)
_LOWER = {ord(letter): ord(letter) + 32 for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


# Each is itself alone (eq), so that it is quick to look up what was made with it.
@dataclass(frozen=True, slots=True, eq=False)
class Delimiter:
    """recipient_delimiter (a set of characters), and the names that it never splits."""

    characters: str
    unsplit: frozenset[str] = _UNSPLIT
    owner_request_special: bool = True


def split_extension(local: str, delimiter: Delimiter | str) -> tuple[str, str | None]:
    """Return a local part as (user, extension); the extension is None if there is none.

    "user+" has the extension "". A name that begins with the delimiter has none.
    """
    rule = Delimiter(delimiter) if isinstance(delimiter, str) else delimiter
    characters = rule.characters
    if len(characters) == 1:
        at = local.find(characters)
    else:
        at = min((i for c in characters if (i := local.find(c)) >= 0), default=0)
    if at <= 0:
        return local, None
    folded = local.lower()
    if folded in rule.unsplit:
        return local, None
    if rule.owner_request_special and "-" in rule.characters:
        is_list = folded.startswith("owner-") or (
            len(folded) > len("-request") and folded.endswith("-request")
        )
        if is_list:
            return local, None
    return local[:at], local[at + 1 :]


def quote(address: str) -> str:
    """Return the external form of an address in internal form: the local part quoted if need be.

    A source route ("@a,@b:") in front is left as it is.
    """
    if _PLAIN.fullmatch(address):
        return address
    route, local, domain = split_route(address)
    return route + quote_local(local) + domain


def quote_local(local: str) -> str:
    """Return a local part as a dot-string, or else as a quoted string."""
    if local.isalnum() or _DOT_STRING.fullmatch(local):
        return local
    return quoted(local)


def quoted(text: str) -> str:
    """Return text as a quoted string."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\\r")
    return f'"{text}"'


def split_route(address: str) -> tuple[str, str, str]:
    """Return an address as (source route with its colon, local part, "@domain")."""
    start = 0
    if address[:1] == "@" and ":" in address:
        start = address.index(":") + 1
    at = address.rfind("@", start)
    if at < 0:
        at = len(address)
    return address[:start], address[start:at], address[at:]


fold: Fold = str.casefold
"""Returns the form in which keys are compared, without regard to case."""


def fold_ascii(key: str) -> str:
    """Return the form in which keys are compared where they may be in any encoding."""
    return key.lower() if key.isascii() else key.translate(_LOWER)


@dataclass(frozen=True, slots=True)
class KeyRules:
    """How a table of fixed keys compares them: without regard to case if *folded*.

    With *utf8*, text is UTF-8 and what is not is no key. *null* says whether keys in a file end in
    a NUL; None means that they may. With *files*, values are names of files (file_values.py).
    """

    folded: bool = True
    utf8: bool = True
    null: bool | None = None
    files: bool = False

    @property
    def fold(self) -> Fold:
        """What makes a key out of what is asked for."""
        if not self.folded:
            return str
        return fold if self.utf8 else fold_ascii


USUAL = KeyRules()
