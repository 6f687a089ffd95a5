"""The entries of aliases(5) files: "name: value, value". Quotes hold blanks in a name.

Postfix:  aliases(5), postalias(1), local(8)
Must not: know what a value means
"""

from collections.abc import Callable, Iterable, Iterator

from spoolmta.maps.text import BLANKS, Line


def alias_entries(
    lines: Iterable[Line], source: str, warn: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    """Yield names, without their quotes, and values as they are written.

    *warn* is told of lines of *source* that are no entry; they are left out.
    """
    for line in lines:
        name, colon, value = _split(line.text)
        place = f"{source}, line {line.number}"
        if not colon or not name:
            warn(f"{place}: need name:value pair")
        elif "@" in name and not line.text.startswith('"'):
            warn(f"{place}: name must be local")
        elif not value:
            warn(f"{place}: no value for {name}")
        else:
            yield name, value


def _unquoted(text: str) -> str:
    """Return a value that is quoted as a whole without its quotes and backslashes."""
    if text[:1] != '"' or _quote_end(text, 0) != len(text):
        return text
    parts = []
    at = 1
    end = len(text) - 1
    while at < end:
        if text[at] == "\\" and at + 1 < end:
            at += 1
        parts.append(text[at])
        at += 1
    return "".join(parts)


def _split(text: str) -> tuple[str, str, str]:
    name = ""
    if text.startswith('"'):
        end = _quote_end(text, 0)
        name, text = _unquoted(text[:end]), text[end:]
    before, colon, value = text.partition(":")
    before = before.strip(BLANKS)
    if name and before:
        return "", "", ""
    return name or before, colon, value.strip(BLANKS)


def _quote_end(text: str, start: int) -> int:
    at = start + 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))
