"""The words of a list: white space or commas separate them, but not within braces.

Postfix:    postconf(5) "MAIN.CF FILE FORMAT", master(5)
Must not:   know what the words mean
"""

from typing import NamedTuple

from spoolmta.config.expansion import matching_brace

SPACE = " \t\r\n\v\f"
COMMA_SPACE = ", \t\r\n"


class Words(NamedTuple):
    """The words of a text, and how many braces its last word leaves open."""

    words: list[str]
    left_open: int


def split(text: str, separators: str) -> Words:
    """Return the words of *text*; a brace that is not closed takes all that follows."""
    words: list[str] = []
    start, depth = -1, 0
    for index, character in enumerate(text):
        if depth == 0 and character in separators:
            if start >= 0:
                words.append(text[start:index])
            start = -1
            continue
        if start < 0:
            start = index
        if character == "{":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
    return Words(words if start < 0 else [*words, text[start:]], depth)


def inside_braces(word: str) -> tuple[str, str]:
    """Return what stands between the braces of "{ a b }", and in Postfix's words what is wrong.

    A word that does not start with a brace stays as it is.
    """
    if not word.startswith("{"):
        return word, ""
    end = matching_brace(word, 0)
    if end < 0:
        return word[1:].strip(SPACE), f"missing '}}' in \"{word}\""
    fault = f"syntax error after '}}' in \"{word}\"" if end < len(word) - 1 else ""
    return word[1:end].strip(SPACE), fault
