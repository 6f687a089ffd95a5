"""Templates of queries and results: what "%s", "%u", "%d", "%1" ... stand for.

A key that lacks a part which the query or the result asks for is not in the table: nobody is asked.
Which parts are needed is one thing for all templates of a table.

Postfix:  mysql_table(5), ldap_table(5) "query", "result_format", "domain", "expansion_limit"
Must not: put a part of a key into a query unquoted; ask anybody
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.keys import Fold, fold
from spoolmta.maps.lookup import Map
from spoolmta.maps.match_list import parse_match_list
from spoolmta.maps.servers.client_cf import ClientParameters

# A part of a key, and what it stands in (see Template), become text that is safe there.
Quote = Callable[[str, str], str]
_TOKEN = re.compile("[^%]+|%.?", re.DOTALL)
_ENDS_IN_E = re.compile(r"(^|\W)[eE]$")
_CODES = frozenset("sudSUD123456789")


class _Part(NamedTuple):
    """A piece of a template: text as it is, or a part of the key or of the result."""

    text: str
    code: str = ""
    inside: str = ""


class Key(NamedTuple):
    """A key and its parts. *domain* is None if there is no "@" in it."""

    full: str
    user: str
    domain: str | None


class Template:
    """A text with "%" expansions, taken apart once.

    *inside* are the quotation marks that expansions stand between, as SQL has them: ', ", `, "E'"
    for E'...', and "" where there are none.
    """

    def __init__(self, text: str) -> None:
        """Raises ValueError: a "%" is followed by something that is no expansion."""
        self._parts: list[_Part] = []
        mark = before = ""
        for token in _TOKEN.findall(text):
            if token[0] == "%" and token != "%%":
                if token[1:] not in _CODES:
                    raise ValueError(text)
                self._parts.append(_Part("", token[1], mark))
                before = "?"
            else:
                plain = token.replace("%%", "%")
                self._parts.append(_Part(plain))
                mark, before = _mark_after(plain, mark, before)
        expansions = [part for part in self._parts if part.code]
        self.codes = frozenset(part.code for part in expansions)
        self.inside = frozenset(part.inside for part in expansions)

    def expand(self, key: Key, value: Key, quote: Quote) -> str:
        """Return the text; "%s" is of the *value*, "%S" and "%1" are of the *key*."""
        return "".join(
            quote(_expansion(part.code, key, value), part.inside) if part.code else part.text
            for part in self._parts
        )


def unquoted(text: str, _inside: str) -> str:
    """Return the text as it is: the Quote of results."""
    return text


def split_key(key: str) -> Key:
    """Return a key with what is before and behind its last "@"."""
    at = key.rfind("@")
    return Key(key, key, None) if at < 0 else Key(key, key[:at], key[at + 1 :])


class TableQuery:
    """What all types of tables in databases have in common: which keys they take, and the result.

    *templates* are what the server is asked, in the notation of its type.
    """

    def __init__(
        self,
        parameters: ClientParameters,
        templates: Mapping[str, str],
        result_format: str,
        open_map: Callable[[str], Map],
        *,
        fold_key: Fold = fold,
    ) -> None:
        """*templates* are texts by parameters' names; *open_map* opens the tables of "domain".

        Raises ConfigError: a template or the list of domains cannot be understood.
        """
        self._name = parameters.name
        self._fold = fold_key
        self.templates = tuple(
            _parse(parameters, parameter, "query", text) for parameter, text in templates.items()
        )
        self._result = _parse(parameters, "result_format", "result", result_format)
        self._expansion_limit = parameters.number("expansion_limit", 0)
        domains = parameters.text("domain")
        try:
            self._domains = parse_match_list(domains, open_map, exact=True) if domains else None
        except ConfigError as error:
            raise parameters.error("domain", str(error), "a list of domains or tables") from error
        of_key = set().union(*(template.codes for template in self.templates))
        of_key = {code.lower() for code in of_key} | {
            code.lower() for code in self._result.codes if code not in "sud"
        }
        self._labels = max((int(code) for code in of_key if code.isdigit()), default=0)
        self._needs_user = "u" in of_key
        self._needs_domain = "d" in of_key or self._labels > 0
        self._result_is_value = result_format == "%s"

    async def accept(self, key: str) -> Key | None:
        """Return the folded key in parts, None if the table is not to be asked for it.

        Raises MapUnavailable: a table of "domain" gave no answer.
        """
        if "\0" in key or not _is_unicode(key):
            return None
        parts = split_key(self._fold(key))
        if self._domains is not None:
            if not parts.domain or not parts.user:
                return None
            if not await self._domains.matches(parts.domain):
                return None
        return parts if self._has_parts(parts) else None

    def result(self, key: Key, values: Iterable[str]) -> str | None:
        """Return the values in the form of result_format with commas between, None without any.

        Raises MapUnavailable: there are more of them than expansion_limit.
        """
        results: list[str] = []
        for value in values:
            if not value:
                continue
            if self._result_is_value:
                results.append(value)
            else:
                parts = split_key(value)
                if self._lacks_part(parts):
                    continue
                results.append(self._result.expand(key, parts, unquoted))
            if 0 < self._expansion_limit < len(results):
                raise MapUnavailable(
                    f"{self._name}: expansion limit exceeded for key: {key.full!r}; "
                    f"expansion_limit = {self._expansion_limit}"
                )
        return ",".join(results) or None

    def _lacks_part(self, value: Key) -> bool:
        codes = self._result.codes
        if "d" in codes and not value.domain:
            return True
        return "u" in codes and not value.user

    def _has_parts(self, key: Key) -> bool:
        if self._needs_user and not key.user:
            return False
        if self._needs_domain and not key.domain:
            return False
        return not self._labels or len(_labels(key.domain or "")) >= self._labels


def _parse(parameters: ClientParameters, parameter: str, kind: str, text: str) -> Template:
    try:
        return Template(text)
    except ValueError:
        raise parameters.error(
            parameter, f"invalid {kind} template: {text}", '"%" needs one of %sudSUD1-9 behind it'
        ) from None


def _expansion(code: str, key: Key, value: Key) -> str:
    if code.isdigit():
        return _labels(key.domain or "")[-int(code)]
    of = key if code.isupper() else value
    if code in "sS":
        return of.full
    return of.user if code in "uU" else of.domain or ""


def _mark_after(text: str, mark: str, before: str) -> tuple[str, str]:
    """Return the quotation mark that is open after *text*, and the end of what stands before."""
    for at, character in enumerate(text):
        if mark:
            if character == mark[-1]:
                mark = ""
        elif character in "'\"`":
            is_escape = character == "'" and _ENDS_IN_E.search(before + text[:at])
            mark = "E'" if is_escape else character
    return mark, (before + text)[-2:]


def _labels(domain: str) -> list[str]:
    return [label for label in domain.split(".") if label]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
